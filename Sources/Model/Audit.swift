public import Platform

/// A comparison of a step's source and destination: below its watermark, or with what a full refresh would write.
public struct Audit: Sendable, Equatable, Identifiable {
    /// The sortable identifier.
    public var id: String
    /// The pipeline's name.
    public var pipeline: String
    /// The step's name.
    public var step: String
    /// Where it stands.
    public var state: AuditState
    /// What was asked for.
    public var options: AuditOptions
    /// When it was asked for.
    public var createdAt: Timestamp
    /// When it last started; nil before.
    public var startedAt: Timestamp?
    /// When it ended; nil before.
    public var finishedAt: Timestamp?
    /// What it found; nil until it succeeded.
    public var result: AuditResult?
    /// Why it failed; nil otherwise.
    public var error: Failure?
    /// When what it had mended was rolled back; nil while it was not.
    public var rolledBackAt: Timestamp?

    /// Makes an audit that waits, unless said.
    public init(
        id: String, pipeline: String, step: String, state: AuditState = .queued, options: AuditOptions = AuditOptions(),
        createdAt: Timestamp, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, result: AuditResult? = nil,
        error: Failure? = nil
    ) {
        self.id = id
        self.pipeline = pipeline
        self.step = step
        self.state = state
        self.options = options
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.result = result
        self.error = error
    }
}

/// The states of an audit.
public enum AuditState: String, Sendable, CaseIterable {
    case queued, running, success, failed, cancelled

    /// Whether the audit will not change any more.
    public var isFinal: Bool { self == .success || self == .failed || self == .cancelled }

    /// Whether an audit may go from this state to `next`; the schema's CHECKs restate the states.
    ///
    /// `running` goes back to `queued` when the server stops or crashes: an audit is begun again from its start.
    public func mayBecome(_ next: AuditState) -> Bool {
        switch (self, next) {
        case (.queued, .running), (.queued, .cancelled), (.queued, .failed), (.running, .queued), (.running, .success),
            (.running, .failed), (.running, .cancelled):
            true
        default: false
        }
    }
}

/// What an audit compares the destination with.
public enum AuditKind: String, Sendable, CaseIterable {
    /// With the source's rows below the watermark.
    case audit
    /// With what a full refresh would write now.
    case compare
}

/// What an audit is asked for.
public struct AuditOptions: Sendable, Equatable {
    /// What it compares the destination with.
    public var kind: AuditKind = .audit
    /// How wide the parts are that it counts by; nil for the usual width.
    public var interval: Interval?
    /// Insert the missing rows, and update the different ones.
    public var heal: Bool
    /// With `heal`, delete the extra rows too.
    public var deleteExtra: Bool
    /// Let it delete more rows than `max_shrink` allows.
    public var allowShrink: Bool

    /// Makes options; a plain comparison unless said.
    public init(
        interval: Interval? = nil, heal: Bool = false, deleteExtra: Bool = false, allowShrink: Bool = false
    ) {
        self.interval = interval
        self.heal = heal
        self.deleteExtra = deleteExtra
        self.allowShrink = allowShrink
    }
}

/// How far a step's rows are known to be the same on both sides.
public struct Verification: Sendable, Equatable {
    /// Everything below this cursor value was the same, and at it when it is the watermark; nil when nothing was.
    public var through: CursorValue?
    /// When the audit that says so read both sides.
    public var at: Timestamp
    /// That audit.
    public var audit: String

    /// Makes a verification.
    public init(through: CursorValue?, at: Timestamp, audit: String) {
        self.through = through
        self.at = at
        self.audit = audit
    }
}
