/// A step that runs statements of a person's own in a destination.
public struct SQLStep: Sendable, Equatable {
    /// The step's name, unique in its pipeline.
    public var name: String
    /// The connection in which the statements run.
    public var connection: String
    /// The statements.
    public var script: SQLScript
    /// What must hold of the tables that they name before the step is committed.
    public var checks: [Check] = []

    /// Makes a step.
    public init(name: String, connection: String, script: SQLScript) {
        self.name = name
        self.connection = connection
        self.script = script
    }

    /// The parameters that a statement may name.
    public enum Parameter: String, Sendable, CaseIterable {
        /// Where the window of the step's last success ended; NULL before the first.
        case windowStart = ":window_start"
        /// The run's nominal time.
        case windowEnd = ":window_end"
        /// The watermark of the load that the step depends on; NULL unless that is exactly one.
        case watermark = ":watermark"
        /// The run's identifier.
        case run = ":run"
    }
}
