/// Who carries jobs out: each lane has threads of its own.
public enum JobLane: String, Sendable, CaseIterable {
    /// Workers: attempts of runs.
    case run
    /// The editor: short changes by people.
    case edit
    /// The auditor: comparisons of source and destination.
    case audit
    /// The lanes for partitions of backfills.
    case backfill
}

/// The jobs of one lane.
public struct LaneLoad: Sendable, Equatable {
    /// The lane.
    public let lane: JobLane
    /// How many wait for their turn.
    public let waiting: Int
    /// How many are in hand.
    public let running: Int
}

extension Job.Kind {
    /// Who carries it out.
    var lane: JobLane {
        switch self {
        case .run: .run
        case .edit: .edit
        case .audit: .audit
        case .partition: .backfill
        }
    }
}
