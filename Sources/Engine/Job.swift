internal import Model

/// A piece of work that writes to destination files.
struct Job: Sendable, Equatable {
    /// Who may carry it out.
    enum Kind: Sendable, Equatable {
        /// One attempt of a run, by a worker; only one run of a pipeline is active at a time.
        case run(pipeline: String)
        /// A short change by a person, such as setting a watermark, by the editor.
        case edit
        /// A comparison of source and destination, by the auditor; it writes no file unless it is to mend one.
        case audit
        /// One partition of a backfill, whichever is next; on lanes of its own, behind all that wants the same file.
        case partition(backfill: String)
    }

    /// The identifier; jobs of one line, and those that came at the same time, start in the order of it.
    let id: String
    /// Who may carry it out.
    let kind: Kind
    /// The files it writes, by every name that another job may know them by; no two jobs with a common name run at
    /// the same time.
    var files: Set<String>
    /// The uptime before which it may not start; nil when it may start at once.
    var notBefore: Duration?
    /// Whether it goes before others that came earlier.
    var priority: RunPriority = .normal
    /// The pools of which it takes a place while it is in hand.
    var pools: Set<SlotPool> = []
    /// The uptime at which it came.
    var since: Duration = .zero

    /// Makes a job.
    init(id: String, kind: Kind, files: Set<String>, notBefore: Duration? = nil) {
        self.id = id
        self.kind = kind
        self.files = files
        self.notBefore = notBefore
    }

    /// The job of a run that was just queued; which files it writes it finds out by itself.
    init(starting run: Run) {
        self.init(id: run.id, kind: .run(pipeline: run.pipeline), files: [])
        priority = run.options.priority ?? .normal
    }

    /// The line it waits in: a run behind the other runs of its pipeline, anything else alone.
    var line: Line {
        switch kind {
        case .run(let pipeline): .pipeline(pipeline)
        case .edit, .audit, .partition: .alone(id)
        }
    }

    /// Whether live work goes before it, however young that is.
    var yields: Bool { if case .partition = kind { true } else { false } }

    /// What jobs wait in line for.
    enum Line: Hashable, Sendable {
        case pipeline(String)
        case alone(String)
    }
}
