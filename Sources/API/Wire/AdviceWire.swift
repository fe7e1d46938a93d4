internal import Documents
internal import Model

extension Advice {
    /// The advice with what was seen, and its document as JSON and as YAML.
    var wire: JSONValue {
        .object([
            "strategy": .string(strategy.rawValue), "reasons": .array(reasons.map(JSONValue.string)),
            "alternatives": .array(
                alternatives.map { other in
                    .object([
                        "strategy": .string(other.strategy.rawValue), "cursor": JSONValue(other.cursor),
                        "reason": .string(other.reason),
                    ])
                }),
            "suggested_indexes": .array(suggestedIndexes.map(JSONValue.string)),
            "notes": .array(notes.map(JSONValue.string)), "table": facts.wire, "document": document,
            "yaml": .string(DocumentWriter.text(document)),
        ])
    }
}

extension TableFacts {
    /// What was seen of the table.
    fileprivate var wire: JSONValue {
        .object([
            "name": .string(table), "kind": isView ? "view" : "table", "rows": .integer(Int64(rows)),
            "rows_are_estimated": .bool(isEstimate), "rows_examined": .integer(Int64(rowsExamined)),
            "columns": .array(columns.map(\.wire)),
            "indexes": .array(
                indexes.map { index in
                    .object([
                        "name": .string(index.name), "columns": .array(index.columns.map(JSONValue.string)),
                        "unique": .bool(index.isUnique),
                    ])
                }),
            "key": .array(key.map(JSONValue.string)), "key_is_declared": .bool(!key.isEmpty && keyOrigin == .declared),
            "cursors": .array(cursors.map(\.wire)), "soft_delete": JSONValue(softDelete),
        ])
    }
}

extension CursorFacts {
    /// What was seen of a column that may order change.
    fileprivate var wire: JSONValue {
        .object([
            "column": .string(column), "role": .string(role.rawValue), "content": .string(content.word),
            "format": content.format.map { .string($0.rawValue) } ?? .null, "set_by_trigger": JSONValue(trigger),
            "nulls": .integer(Int64(nulls)), "nulls_are_estimated": .bool(!nullsAreExact),
            "unreadable": .integer(Int64(unreadable)),
            "unreadable_sample": unreadable > 0 ? sample?.json ?? .null : .null,
            "mixed_offsets": .bool(hasMixedOffsets), "future": .integer(Int64(future)),
            "rises_with_rows": rises.map(JSONValue.bool) ?? .null, "unique": .bool(isUnique),
            "indexed": .bool(missingIndex == nil), "lowest": lowest?.json ?? .null, "highest": highest?.json ?? .null,
        ])
    }
}

extension CursorFacts.Content {
    /// The word for it.
    fileprivate var word: String {
        switch self {
        case .time: "times"
        case .numbers: "numbers"
        case .mixed: "mixed"
        case .none: "none"
        }
    }

    /// How times are written; nil for what are no times.
    fileprivate var format: CursorFormat? { if case .time(let format) = self { format } else { nil } }
}
