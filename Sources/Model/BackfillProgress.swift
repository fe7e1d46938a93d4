internal import Platform

/// How far a backfill has come and how long it will take, as its counts tell: by rows where those were counted when it
/// was made, else by partitions.
public struct BackfillProgress: Sendable, Equatable {
    /// The share that is done, 0 to 1.
    public let fraction: Double
    /// Rows read in a second; nil before the first.
    public let rowsPerSecond: Double?
    /// Seconds until it ends, at the pace so far; nil when it does not run, and before the first partition has ended.
    public let secondsLeft: Double?

    /// Reckons the progress of a backfill whose partitions in hand have read `rowsInHand` rows by now.
    public init(_ backfill: Backfill, rowsInHand: Int = 0) {
        let partitions = backfill.partitions
        let busy = backfill.busy.seconds
        rowsPerSecond = busy > 0 && backfill.rows.read > 0 ? Double(backfill.rows.read) / busy : nil
        var (done, all) = (Double(partitions.tried), Double(partitions.total))
        var inHand = 0.0
        if let expected = backfill.rowsExpected, expected > 0 {
            (done, all) = (Double(backfill.rowsPassed), Double(expected))
            inHand = Double(rowsInHand)
        }
        // More rows may have come since they were counted.
        fraction = all > 0 ? min(1, (done + inHand) / all) : 1
        let runs = backfill.state == .queued || backfill.state == .running
        secondsLeft = runs && done > 0 && busy > 0 ? max(0, all - done - inHand) / done * busy : nil
    }
}
