public import Platform

/// How far the ticks of a pipeline's schedule are accounted for, and what became of them.
///
/// Every tick is accounted for once: by a run that was started for it, by a run that it joined, or as skipped.
public struct ScheduleRecord: Sendable, Equatable {
    /// The pipeline's name.
    public var pipeline: String
    /// Which instants are ticks, as the rule's text.
    public private(set) var rule: String
    /// The instants of its rule; nil when the rule cannot be read, as when the system has lost its time zone.
    public private(set) var ticks: Ticks?
    /// What becomes of a tick while a run of the pipeline is queued or in hand.
    public var overlap: Schedule.Overlap
    /// Whether the document holds the schedule.
    public var isPausedByDocument: Bool
    /// When a person paused the schedule; nil when none has.
    public var pausedAt: Timestamp?
    /// Every tick up to this instant, itself included, is accounted for.
    public var accounted: Timestamp
    /// Counts the times that ticks began anew: with another rule, or after the clock was set back. A tick is known by its
    /// instant within one of them.
    public var era: Int
    /// The last tick that was accounted for; nil when there was none.
    public var lastTick: Timestamp?
    /// Runs that were started for ticks.
    public var runs = 0
    /// Ticks that came together with others into one run, apart from one for each run.
    public var coalesced = 0
    /// Ticks for which nothing ran: by `overlap: skip`, at a resumption that skips, and where the rule was changed.
    public var skipped = 0

    /// Makes the record of a schedule that begins at `accounted`.
    public init(
        pipeline: String, rule: String, overlap: Schedule.Overlap, isPausedByDocument: Bool = false,
        accounted: Timestamp, era: Int = 1
    ) {
        self.pipeline = pipeline
        self.rule = rule
        ticks = Schedule.Rule(text: rule)?.ticks(of: pipeline)
        self.overlap = overlap
        self.isPausedByDocument = isPausedByDocument
        self.accounted = accounted
        self.era = era
    }

    /// Whether the schedule is held, by whomever.
    public var isPaused: Bool { isPausedByDocument || pausedAt != nil }

    /// How many ticks up to an instant are not accounted for.
    public func missed(at now: Timestamp) -> Int { ticks?.count(after: accounted, through: now) ?? 0 }

    /// When there will be something to decide; nil when there will not.
    public func nextDecision(at now: Timestamp) -> Timestamp? {
        guard !isPaused, let ticks else { return nil }
        return mustBeginAnew(ticks, at: now) ? now : ticks.next(after: accounted)
    }

    /// What is to be done about the ticks up to `now`, while the runs `active` of the pipeline have not ended.
    public func decide(at now: Timestamp, active: [TickRun]) -> TickDecision {
        guard !isPaused, let ticks else { return .nothing }
        if mustBeginAnew(ticks, at: now) { return .beginAnew(from: now) }
        guard let due = due(ticks, at: now) else { return .nothing }
        guard let oldest = active.first else { return .start(due, cancelling: nil) }
        if overlap == .skip { return .skip(due, because: oldest.id) }
        let cancelled = overlap == .cancelOther ? active.first { $0.state == .inHand }?.id : nil
        guard let waiting = active.first(where: { $0.state == .waitingForTick }) else {
            return .start(due, cancelling: cancelled)
        }
        return .join(due, run: waiting.id, cancelling: cancelled)
    }

    /// Takes what was decided into account.
    public mutating func apply(_ decision: TickDecision) {
        switch decision {
        case .nothing: return
        case .start(let due, _):
            runs += 1
            coalesced += due.count - 1
            advance(to: due.last)
        case .join(let due, _, _):
            coalesced += due.count
            advance(to: due.last)
        case .skip(let due, _):
            skipped += due.count
            advance(to: due.last)
        case .beginAnew(let now): beginAnew(at: now)
        }
    }

    /// Takes over what a document says now; answers how many ticks were skipped for that.
    ///
    /// Another rule begins at `now`: ticks of the one before that are not accounted for are skipped.
    public mutating func adopt(_ schedule: Schedule, isPaused: Bool, at now: Timestamp) -> Int {
        var skipped = 0
        if rule != schedule.rule.text {
            skipped = skipMissed(at: now)
            rule = schedule.rule.text
            ticks = schedule.rule.ticks(of: pipeline)
            beginAnew(at: now)
        }
        overlap = schedule.overlap
        isPausedByDocument = isPaused
        return skipped
    }

    /// Accounts for every tick up to `now` as skipped; answers how many there were.
    @discardableResult
    public mutating func skipMissed(at now: Timestamp) -> Int {
        guard let ticks, let due = due(ticks, at: now) else { return 0 }
        apply(.skip(due, because: ""))
        return due.count
    }

    /// Lets ticks begin at `now`, whatever was before.
    private mutating func beginAnew(at now: Timestamp) {
        accounted = now
        era += 1
    }

    /// The ticks up to `now` that are not accounted for; nil when there are none.
    private func due(_ ticks: Ticks, at now: Timestamp) -> DueTicks? {
        guard let first = ticks.next(after: accounted), first <= now else { return nil }
        // Nearly always one is due, and is looked at in time.
        guard let second = ticks.next(after: first), second <= now else { return DueTicks(count: 1, last: first) }
        return DueTicks(
            count: ticks.count(after: accounted, through: now), last: ticks.last(through: now, after: first) ?? first)
    }

    private mutating func advance(to tick: Timestamp) {
        accounted = tick
        lastTick = tick
    }

    /// Whether the clock was set back by so much that waiting for the next tick would be a silence: by more than the time
    /// between two ticks. By less, the ticks that were accounted for do not come again.
    private func mustBeginAnew(_ ticks: Ticks, at now: Timestamp) -> Bool {
        guard now < accounted, let next = ticks.next(after: accounted), let later = ticks.next(after: next) else {
            return false
        }
        return accounted.since(now) > later.since(next)
    }
}

/// A run of a pipeline that has not ended, as its schedule sees it.
public struct TickRun: Sendable, Equatable {
    /// How far it has come.
    public enum State: Sendable, Equatable {
        /// It was started by the schedule and waits for its first attempt: further ticks join it.
        case waitingForTick
        /// It was started by something else and waits for its first attempt.
        case waiting
        /// An attempt of it is in hand, or has been.
        case inHand
    }

    /// Its identifier.
    public var id: String
    /// How far it has come.
    public var state: State

    /// Makes what a schedule sees of a run.
    public init(id: String, state: State) {
        self.id = id
        self.state = state
    }
}

/// Ticks that are to be accounted for together.
public struct DueTicks: Sendable, Equatable {
    /// How many; at least 1.
    public var count: Int
    /// The last of them.
    public var last: Timestamp

    /// Makes a number of ticks.
    public init(count: Int, last: Timestamp) {
        self.count = count
        self.last = last
    }
}

/// What is to be done about ticks.
public enum TickDecision: Sendable, Equatable {
    /// None is due.
    case nothing
    /// One run is started for all of them; one in hand is cancelled first.
    case start(DueTicks, cancelling: String?)
    /// The run that waits stands for them too; one in hand is cancelled.
    case join(DueTicks, run: String, cancelling: String?)
    /// Nothing runs for them, because of a run that has not ended.
    case skip(DueTicks, because: String)
    /// The clock was set back: ticks begin anew from an instant.
    case beginAnew(from: Timestamp)
}
