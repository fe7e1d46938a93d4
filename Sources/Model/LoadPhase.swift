/// A part of a commit's work with the time it took, by the monotonic clock.
public struct LoadPhase: Sendable, Equatable {
    /// Which part.
    public var name: Name
    /// Seconds.
    public var seconds: Double

    /// The parts of a commit's work, in the order they begin.
    public enum Name: String, Sendable, CaseIterable {
        /// Opening the destination and attaching the source.
        case open
        /// Waiting for the destination's write lock.
        case lock
        /// Reading the watermark, comparing the tables, working out the window.
        case look
        /// Reading the delta into a temporary table.
        case stage
        /// Making the step's checks, those after the write included.
        case check
        /// Writing the rows.
        case write
        /// Writing the record and making all of it durable; only known while the load's process lives.
        case commit
    }

    /// Makes a phase.
    public init(_ name: Name, seconds: Double) {
        self.name = name
        self.seconds = seconds
    }

    /// The phase for answers and for storage.
    public var json: JSONValue { .object(["name": .string(name.rawValue), "seconds": .number(seconds)]) }

    init?(json: JSONValue) {
        guard let name = json["name"]?.string.flatMap({ Name(rawValue: $0) }) else { return nil }
        switch json["seconds"] {
        case .number(let seconds)?: self.init(name, seconds: seconds)
        case .integer(let seconds)?: self.init(name, seconds: Double(seconds))
        default: return nil
        }
    }
}
