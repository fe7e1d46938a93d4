/// What rolling back one step of a run did to its destination.
public struct StepRollback: Sendable, Equatable {
    /// The step's name.
    public var step: String
    /// The table.
    public var table: String
    /// Rows that the run had inserted, and that are gone now.
    public var rowsRemoved = 0
    /// Rows that the run had updated, and that have their earlier values again.
    public var rowsReverted = 0
    /// Rows that the run had deleted, and that are back.
    public var rowsRestored = 0
    /// Columns that the run had added, and that are gone now.
    public var columnsDropped: [String] = []
    /// Whether the run had made the table, which is gone now.
    public var tableDropped = false
    /// Whether the run had rebuilt the table, whose earlier one is back.
    public var tableSwapped = false
    /// The name under which the run's own table stays for as long as runs can be rolled back; nil when it had made none.
    public var keptAs: String?
    /// The watermark as it is now; nil when there is none.
    public var watermark: CursorValue?
    /// What a person should know; nil for nothing.
    public var note: String?

    /// The rollback as events and answers show it.
    public var json: JSONValue {
        .object([
            "step": .string(step), "table": .string(table), "rows_removed": .integer(Int64(rowsRemoved)),
            "rows_reverted": .integer(Int64(rowsReverted)), "rows_restored": .integer(Int64(rowsRestored)),
            "columns_dropped": .array(columnsDropped.map(JSONValue.string)), "table_dropped": .bool(tableDropped),
            "table_swapped": .bool(tableSwapped), "kept_as": JSONValue(keptAs), "watermark": watermark?.json ?? .null,
            "note": JSONValue(note),
        ])
    }

    /// Makes a rollback that did nothing.
    public init(step: String, table: String) {
        self.step = step
        self.table = table
    }

    /// Says of a step that ran statements that they were left as they are.
    public init(left step: String) {
        self.init(step: step, table: "")
        note =
            "what its statements changed is not put back; run the step again once the rows that it reads are right"
    }
}
