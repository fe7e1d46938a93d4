/// What it costs to keep the control database.
public struct ControlFigures: Sendable, Equatable {
    /// Bytes of its write-ahead log: it grows while a read holds checkpoints back.
    public let logBytes: Int
    /// The uptime at which the oldest of the reads in hand began; nil when there is none.
    public let oldestRead: Duration?
    /// Changes that wait for their commit.
    public let waitingChanges: Int
}
