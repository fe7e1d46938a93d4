internal import Platform

/// The load of one step by its strategy: one commit's work after another, until a record says that it was the last.
protocol StepLoad {
    /// Does the next commit's work inside the open transaction; answers what is to be recorded.
    mutating func next(at now: Timestamp) throws(LoadStop) -> DestinationLedger.Record
}
