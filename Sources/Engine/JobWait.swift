/// What a job in the queue waits for.
enum JobWait: Sendable, Equatable {
    /// The other run of its pipeline that is active, or comes before it.
    case pipeline(run: String)
    /// The time of its next attempt.
    case time
    /// A place of a pool, which these jobs have taken.
    case pool(SlotPool, jobs: [String])
    /// A file that this job writes.
    case file(job: String)
    /// A free worker.
    case worker
    /// Older jobs that wait for the same.
    case turn
}
