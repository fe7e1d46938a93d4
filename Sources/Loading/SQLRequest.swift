public import Model
public import Platform
internal import SQLite

/// One execution of the statements of a step, as a worker is to carry it out.
public struct SQLRequest: Sendable {
    /// The run's identifier.
    public var run: String
    /// The pipeline's name.
    public var pipeline: String
    /// The step.
    public var step: SQLStep
    /// The run's attempt, from 1; an attempt lower than one that has committed is fenced off.
    public var attempt: Int
    /// The file in which the statements run.
    public var destination: DatabaseFile
    /// The run's nominal time, where the window ends.
    public var nominal: Timestamp
    /// The watermark of the load that the step depends on; nil when there is none.
    public var watermark: CursorValue?
    /// Whether the window begins at the beginning, whatever ran before.
    public var isWhole: Bool

    /// Makes a request.
    public init(
        run: String, pipeline: String, step: SQLStep, attempt: Int, destination: DatabaseFile, nominal: Timestamp,
        watermark: CursorValue? = nil, isWhole: Bool = false
    ) {
        self.run = run
        self.pipeline = pipeline
        self.step = step
        self.attempt = attempt
        self.destination = destination
        self.nominal = nominal
        self.watermark = watermark
        self.isWhole = isWhole
    }
}

extension SQLRequest {
    /// Whose commit it makes.
    var author: DestinationLedger.Author {
        .init(run: run, pipeline: pipeline, step: step.name, attempt: attempt)
    }

    /// The window after one that ended at `last`.
    func window(after last: String?) -> StepWindow {
        let end = Timestamp(microseconds: nominal.microseconds.flooredToSeconds).rfc3339
        // All are written alike, so their order as texts is that of time. A run whose nominal time lies before the last
        // one's, as after a clock was set back, sees an empty window and none twice.
        return StepWindow(start: isWhole ? nil : last, end: max(end, last ?? end))
    }

    /// The values of the parameters in a window.
    func values(_ window: StepWindow) -> [String: Value] {
        var values: [String: Value] = [:]
        for parameter in SQLStep.Parameter.allCases {
            values[parameter.rawValue] =
                switch parameter {
                case .windowStart: window.start.map { .text(Text($0)) } ?? .null
                case .windowEnd: .text(Text(window.end))
                case .watermark: watermark?.value ?? .null
                case .run: .text(Text(run))
                }
        }
        return values
    }
}

/// What a step that runs statements looks at: after the start, up to the end, which is in it. Both are RFC 3339 in UTC, to
/// the second.
struct StepWindow: Equatable {
    /// Where the last success ended; nil before the first.
    var start: String?
    var end: String

    /// The window in words.
    var text: String { start.map { "\($0) < t <= \(end)" } ?? "t <= \(end)" }
}

extension Int64 {
    /// Microseconds cut to whole seconds, also before the epoch.
    fileprivate var flooredToSeconds: Int64 {
        let rest = self % 1_000_000
        return self - (rest < 0 ? rest + 1_000_000 : rest)
    }
}
