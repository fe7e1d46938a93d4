/// How the events that a `cdc` step reads are written; what is nil is found from the source's columns.
public struct ChangeLogFormat: Sendable, Equatable {
    /// The shape of the events.
    public var shape: Shape?
    /// The column that says what happened: INSERT, UPDATE, DELETE or one of their short forms.
    public var operation: String?
    /// The column that holds the row as a JSON object, in the flat shape.
    public var data: String?
    /// The column that holds the Debezium envelope as a JSON object.
    public var envelope: String?
    /// The column that orders the events of one sequence value.
    public var index: String?

    /// Makes a format of which everything is found.
    public init() {}

    /// The shapes that change events come in.
    public enum Shape: String, Sendable, CaseIterable {
        /// A column for the operation, one for the sequence, and the row's columns, or the row as JSON.
        case flat
        /// Debezium's envelope: `op`, `before`, `after`, `source`.
        case debezium
        /// The log that `strandline capture install` makes beside a table; the step's source is that table.
        case strandline
    }
}
