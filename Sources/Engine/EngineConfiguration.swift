public import Platform

/// What an operator may set of the engine.
public struct EngineConfiguration: Sendable, Equatable {
    /// Worker threads: runs in hand at a time; 1 to `Limits.maximumWorkers`.
    public var workers: Int
    /// Runs that may wait in the queue; a trigger past it is refused with `queue_full`.
    public var queuedJobs: Int

    /// Makes a configuration; a number of workers outside its bounds is brought to the nearest one.
    public init(workers: Int = Limits.workers, queuedJobs: Int = Limits.queuedJobs) {
        self.workers = min(max(1, workers), Limits.maximumWorkers)
        self.queuedJobs = max(0, queuedJobs)
    }
}
