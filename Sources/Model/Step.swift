/// One node of a pipeline's graph: what it does, and after which other steps.
public struct Step: Sendable, Equatable {
    /// The kinds of steps, with what each is told to do.
    public enum Work: Sendable, Equatable {
        case load(LoadStep)
        case sql(SQLStep)
    }

    /// The steps that come before this one.
    public var dependsOn: [String]
    /// When it runs, as far as those are concerned.
    public var when = StepCondition.allSuccess
    /// The longest that one attempt of it may take; nil means no bound but the run's.
    public var timeout: Duration?
    /// How old what it writes may be; nil means as the pipeline says.
    public var freshness: FreshnessPolicy? = nil
    /// What it does.
    public var work: Work

    /// Makes a step; it depends on nothing unless said.
    public init(_ work: Work, dependsOn: [String] = []) {
        self.work = work
        self.dependsOn = dependsOn
    }

    /// The step's name, unique in its pipeline.
    public var name: String {
        switch work {
        case .load(let load): load.name
        case .sql(let sql): sql.name
        }
    }

    /// What it does where it is a load; nil for the other kinds.
    public var load: LoadStep? {
        switch work {
        case .load(let load): load
        case .sql: nil
        }
    }

    /// The word that documents and answers have for its kind.
    public var kind: StepKind {
        switch work {
        case .load: .load
        case .sql: .sql
        }
    }

    /// The connections that it names, each with the key of the document that names it.
    public var places: [(key: String, connection: String)] {
        switch work {
        case .load(let load): [("source", load.source.connection), ("destination", load.destination.connection)]
        case .sql(let sql): [("destination", sql.connection)]
        }
    }
}

/// When a step runs, as far as the steps that it depends on are concerned.
public enum StepCondition: String, Sendable, CaseIterable {
    /// When all of them have succeeded; when one fails or is skipped, so is this one.
    case allSuccess = "all_success"
    /// When all of them have come to their end, whichever; one that another attempt of the run may yet mend has not.
    case allDone = "all_done"
    /// As `allDone`, and also when the time of the run's last attempt is over before it came to its turn. Not when the
    /// run was cancelled.
    case always
}

/// The kinds of steps, as documents and answers name them.
public enum StepKind: String, Sendable, CaseIterable {
    /// It loads a table from a source into a destination.
    case load
    /// It runs statements in a destination.
    case sql
}
