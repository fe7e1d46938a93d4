public import Platform

/// How old a table may be before somebody is to know.
public struct FreshnessPolicy: Sendable, Equatable {
    /// The age from which it is worth a look; nil for none.
    public var warnAfter: Duration?
    /// The age from which it is stale; nil for none.
    public var errorAfter: Duration?
    /// By what its age is reckoned; nil means by the watermark where that is a time, else by the last success.
    public var basis: FreshnessBasis?
    /// By when there must be how new data; nil for no such times.
    public var deadline: FreshnessDeadline?

    /// Makes a policy.
    public init(
        warnAfter: Duration? = nil, errorAfter: Duration? = nil, basis: FreshnessBasis? = nil,
        deadline: FreshnessDeadline? = nil
    ) {
        self.warnAfter = warnAfter
        self.errorAfter = errorAfter
        self.basis = basis
        self.deadline = deadline
    }
}

/// Times of the calendar by which a table must have data that is new enough.
public struct FreshnessDeadline: Sendable, Equatable {
    /// The times.
    public var expression: CronExpression
    /// Whose clocks show them.
    public var zone: Zone
    /// How old the data may be at each of them.
    public var lowerBound: Duration

    /// Makes a deadline.
    public init(expression: CronExpression, zone: Zone = .utc, lowerBound: Duration) {
        self.expression = expression
        self.zone = zone
        self.lowerBound = lowerBound
    }

    /// The first time that data of `instant`, nil for none, is too old for; only times after `start` count. Nil where there is
    /// none in reach.
    public func due(data instant: Timestamp?, since start: Timestamp) -> Timestamp? {
        let ticks = Schedule.Rule.cron(expression, zone).ticks(of: "")
        return ticks.next(after: instant.map { max($0.adding(lowerBound), start) } ?? start)
    }
}

/// By what an age is reckoned.
public enum FreshnessBasis: String, Sendable, CaseIterable {
    /// The newest cursor whose rows are in the destination: how old the data is.
    case watermark
    /// The end of the last load that succeeded, also of one that found nothing new: how long ago anybody looked.
    case lastSuccess = "last_success"
}

/// How a table stands against its limits.
public enum FreshnessState: String, Sendable, CaseIterable {
    /// Within its limits.
    case fresh
    /// Past the first limit.
    case warn
    /// Past the second limit, or not there when it had to be.
    case stale
    /// There is nothing to judge by, or nothing to judge against.
    case unknown

    /// How bad it is: of several tables the worst one counts. What cannot be judged is worse than what is well, and not
    /// as bad as what is known to be late.
    public var severity: Int {
        switch self {
        case .fresh: 0
        case .unknown: 1
        case .warn: 2
        case .stale: 3
        }
    }
}
