/// A named set of steps with a schedule and retry rules.
public struct Pipeline: Sendable, Equatable {
    /// The name: `[a-z0-9][a-z0-9_-]{0,62}`.
    public var name: String
    /// A sentence for people; empty when there is none.
    public var description: String
    /// The pipelines whose success starts a run of this one.
    public var after: [String]
    /// How old the data of those may be when a run starts; nil means that it does not matter.
    public var maxUpstreamAge: Duration? = nil
    /// When it runs by itself; nil when it does not.
    public var schedule: Schedule? = nil
    /// Whether the document holds the schedule.
    public var isPaused = false
    /// How old the tables of its steps may be, of those that do not say themselves; nil for no limits.
    public var freshness: FreshnessPolicy? = nil
    /// How failed attempts are repeated.
    public var retries: RetryPolicy
    /// The longest one attempt may take; nil means no bound.
    public var timeout: Duration?
    /// The pool of which each run takes a place; nil for none.
    public var pool: String?
    /// Whether its runs go before others, unless a run's trigger says.
    public var priority = RunPriority.normal
    /// The steps, in the document's order; names are unique and dependencies have no cycle.
    public var steps: [Step]

    /// Makes a pipeline.
    public init(
        name: String, description: String = "", after: [String] = [], retries: RetryPolicy = RetryPolicy(),
        timeout: Duration? = nil,
        steps: [Step]
    ) {
        self.name = name
        self.description = description
        self.after = after
        self.retries = retries
        self.timeout = timeout
        self.steps = steps
    }

    /// The connections that its steps name.
    public var connections: Set<String> {
        Set(steps.flatMap { $0.places.map(\.connection) })
    }

    /// The step of a name; nil when there is none.
    public func step(_ name: String) -> Step? { steps.first { $0.name == name } }

    /// The steps that are loads.
    public var loads: [LoadStep] { steps.compactMap(\.load) }

    /// The step of a name and all that depend on it, directly or through others, in the document's order; nil when there
    /// is no such step.
    public func names(from name: String) -> [String]? {
        guard step(name) != nil else { return nil }
        var found: Set<String> = [name]
        for step in stepsInOrder where !found.isDisjoint(with: step.dependsOn) { found.insert(step.name) }
        return steps.map(\.name).filter(found.contains)
    }

    /// The load that a step depends on; nil unless that is exactly one.
    public func onlyLoad(before step: Step) -> LoadStep? {
        let loads = step.dependsOn.compactMap { self.step($0)?.load }
        return loads.count == 1 ? loads[0] : nil
    }
}

/// A named place where data lives.
public struct ConnectionDefinition: Sendable, Equatable {
    /// The engines that a connection can speak to.
    public enum Kind: String, Sendable, CaseIterable {
        case sqlite
    }

    /// The name: the same form as a pipeline's.
    public var name: String
    /// The engine.
    public var kind: Kind
    /// The file's path as written, relative to the server's data root; `${NAME}` stands for an environment variable.
    public var path: String
    /// How many runs and partitions may read from it at once; nil means no bound.
    public var maxConcurrent: Int?

    /// Makes a definition.
    public init(name: String, kind: Kind = .sqlite, path: String) {
        self.name = name
        self.kind = kind
        self.path = path
    }
}
