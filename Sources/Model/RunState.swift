/// The states of a run.
public enum RunState: String, Sendable, CaseIterable {
    case queued, running, success, failed, cancelled

    /// Whether the run will not change any more.
    public var isFinal: Bool { self == .success || self == .failed || self == .cancelled }

    /// Whether a run may go from this state to `next`; the schema's CHECKs restate the states.
    ///
    /// `running` goes back to `queued` for another attempt after a transient failure, a crash or a stop of the server.
    public func mayBecome(_ next: RunState) -> Bool {
        switch (self, next) {
        case (.queued, .running), (.queued, .cancelled), (.queued, .failed), (.running, .queued),
            (.running, .success), (.running, .failed), (.running, .cancelled):
            true
        default: false
        }
    }
}

/// The states of a step run.
public enum StepRunState: String, Sendable, CaseIterable {
    case pending, running, success, failed, skipped, cancelled

    /// Whether the step run will not change any more in this attempt.
    public var isFinal: Bool { self != .pending && self != .running }

    /// Whether a step run may go from this state to `next`.
    public func mayBecome(_ next: StepRunState) -> Bool {
        switch (self, next) {
        case (.pending, .running), (.pending, .skipped), (.pending, .cancelled), (.running, .pending),
            (.running, .success), (.running, .failed), (.running, .cancelled),
            // A load that was found committed in the destination after a crash.
            (.pending, .success):
            true
        default: false
        }
    }
}

/// What made a run start.
public enum Trigger: String, Sendable, CaseIterable {
    case api, schedule, upstream, retry, cli
}
