internal import Model
public import Platform
public import Store

/// What a monitoring system is told.
public struct Measures: Sendable {
    /// A pipeline.
    public struct Pipeline: Sendable {
        /// How it stands.
        public let standing: FreshnessStanding
        /// What its runs have come to since the process started; nil where none has ended.
        public let tally: PipelineTally?
    }

    /// The pipelines by name.
    public let pipelines: [Pipeline]
    /// When freshness was last looked at by the clock; nil before the engine has started.
    public let evaluatedAt: Timestamp?
    /// How long the runs took that have ended since the process started.
    public let durations: Histogram
    /// Jobs that wait for their turn, and jobs in hand, by lane.
    public let lanes: [LaneLoad]
    /// Workers, and those of them that have a run in hand.
    public let workers: (all: Int, busy: Int)
    /// The partitions of the backfills that are not at their end, by pipeline and step.
    public let backfills: [BackfillLoad]
    /// What it costs to keep the control database.
    public let control: ControlFigures
    /// When the oldest read of it that is in hand began; nil when there is none.
    public let oldestReadAt: Timestamp?
    /// Whether it can be written, as far as is known.
    public let isWritable: Bool
}

extension LoadEngine {
    /// What a monitoring system is told at `now`. From memory: may be called on any thread, and waits for no database.
    public func measures(at now: Timestamp) -> Measures {
        let counts = work.current
        let standings = freshness(at: now).standings
        work.keep(standings.lazy.map(\.freshness.name))
        let control = store.figures
        return Measures(
            pipelines: standings.map { Measures.Pipeline(standing: $0, tally: counts.pipelines[$0.freshness.name]) },
            evaluatedAt: freshness.board.evaluatedAt, durations: counts.durations, lanes: dispatcher.laneLoads,
            workers: dispatcher.workers, backfills: counts.backfillLoads, control: control,
            oldestReadAt: control.oldestRead.map { now.adding($0 - clock.uptime()) },
            isWritable: store.writeFailure == nil)
    }
}
