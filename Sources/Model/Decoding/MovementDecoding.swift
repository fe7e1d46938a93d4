internal import Platform

/// Decodes how a step moves along its cursor: cursor, write mode, lookback, settle and gaps.
struct MovementDecoding {
    /// The step's keys.
    let fields: Fields

    /// Fills the parts of `step` that depend on its strategy; `step` has its strategy and key.
    func decode(into step: inout LoadStep) {
        switch step.strategy {
        case .fullRefresh:
            refuse(["cursor", "write_mode", "lookback", "settle", "on_gap", "detect_deletes", "soft_delete"], step)
        case .snapshotDiff:
            refuse(["cursor", "write_mode", "lookback", "settle", "on_gap", "detect_deletes"], step)
            step.softDelete = fields.identifier("soft_delete")
        case .timestamp, .sequence:
            step.writeMode =
                fields.word("write_mode", WriteMode.self) ?? (step.primaryKey.isEmpty ? .append : .upsert)
            step.cursor = cursor(step.strategy)
            step.lookback = reach("lookback", step.strategy) ?? usualLookback(step)
            step.settle = reach("settle", step.strategy) ?? .none
            gaps(&step)
            deletes(&step)
        case .cdc: ChangeLogDecoding(fields: fields, movement: self).decode(into: &step)
        }
        if step.strategy != .cdc, fields.node("change_log") != nil {
            fields.refuse(
                "change_log", "`change_log` has a meaning only with `strategy: cdc`", hint: "Remove it.")
        }
    }

    /// Refuses keys that say how to find new rows, for a strategy that reads all of them.
    private func refuse(_ keys: [String], _ step: LoadStep) {
        for key in keys where fields.node(key) != nil {
            let hint =
                switch key {
                case "detect_deletes": "Remove it: the strategy follows deletes as it is."
                case "soft_delete": "Remove it, or choose the strategy snapshot_diff."
                default: "Remove it, or choose the strategy timestamp or sequence."
                }
            fields.refuse(
                key,
                "`\(key)` has no meaning with `strategy: \(step.strategy.rawValue)`, which reads the whole source",
                hint: hint)
        }
    }

    private func deletes(_ step: inout LoadStep) {
        step.detectDeletes = fields.word("detect_deletes", DeleteDetection.self)
        step.softDelete = fields.identifier("soft_delete")
        if step.detectDeletes != nil, step.writeMode == .append {
            fields.refuse(
                "detect_deletes", "`detect_deletes` has no meaning with `write_mode: append`, which keeps every row",
                hint: "Remove it, or use `write_mode: upsert` with a `primary_key`.")
        }
        // What is no such word has been refused as that.
        if step.softDelete != nil, fields.node("detect_deletes") == nil {
            fields.refuse(
                "soft_delete",
                "`soft_delete` has no meaning with `strategy: \(step.strategy.rawValue)` alone, which sees no deletes",
                hint: "Remove it, or add `detect_deletes: keys`.")
        }
    }

    private func usualLookback(_ step: LoadStep) -> Reach {
        step.strategy == .timestamp && step.writeMode != .append ? .time(Limits.usualLookback) : .none
    }

    /// Reads `on_gap`.
    func gaps(_ step: inout LoadStep) {
        if step.strategy == .timestamp, fields.node("on_gap") != nil {
            fields.refuse(
                "on_gap", "`on_gap` has a meaning only with `strategy: sequence` or `cdc`", hint: "Remove it.")
            return
        }
        step.onGap = fields.word("on_gap", GapPolicy.self) ?? step.onGap
    }

    /// Time for a time cursor, a count for numbers of a sequence; nil when the key is missing or refused.
    func reach(_ key: String, _ strategy: Strategy) -> Reach? {
        if strategy == .timestamp {
            return fields.duration(key, in: .zero...Limits.longestReach).map { $0 == .zero ? .none : .time($0) }
        }
        if let text = fields.node(key)?.json.string, DurationText.parse(text) != nil {
            fields.refuse(
                key, "`\(key)` of a sequence is a count of numbers, not the length of time `\(text)`",
                hint: "Write a whole number such as 1000.")
            return nil
        }
        return fields.whole(key, in: 0...Int64.max).map { $0 == 0 ? .none : .count($0) }
    }

    /// The column that orders change; nil, with the reason noted, when it is missing or refused.
    func cursor(_ strategy: Strategy) -> Cursor? {
        guard let node = fields.node("cursor") else {
            let example = strategy == .timestamp ? "updated_at" : "id"
            fields.miss(
                "cursor", "the strategy `\(strategy.rawValue)` needs a cursor, and the step has none",
                hint: "Add the column that orders change, such as `cursor: \(example)`.", code: .missingCursor)
            return nil
        }
        if case .scalar = node.content { return fields.identifier("cursor").map { Cursor(column: $0) } }
        guard let parts = fields.mapping("cursor") else { return nil }
        parts.allow(["column", "format", "on_missing", "on_unparsable", "initial"], of: "`cursor`")
        if parts.node("column") == nil {
            parts.miss(
                "column", "the cursor has no `column`", hint: "Add the column that orders change.",
                code: .missingCursor)
        }
        let column = parts.identifier("column")
        if strategy != .timestamp {
            for key in ["format", "on_unparsable"] where parts.node(key) != nil {
                parts.refuse(key, "`\(key)` has a meaning only with `strategy: timestamp`", hint: "Remove it.")
            }
        }
        let format = strategy == .timestamp ? parts.word("format", CursorFormat.self) : nil
        let initial = initial(parts, strategy, format)
        guard let column else { return nil }
        return Cursor(
            column: column, format: format, onMissing: parts.word("on_missing", MissingCursorPolicy.self) ?? .raise,
            onUnparsable: parts.word("on_unparsable", UnparsableCursorPolicy.self) ?? .raise, initial: initial)
    }

    private func initial(_ cursor: Fields, _ strategy: Strategy, _ format: CursorFormat?) -> CursorValue? {
        guard let node = cursor.node("initial") else { return nil }
        let isText = strategy == .timestamp && (format ?? .iso8601) == .iso8601
        switch node.content {
        case .scalar(.string(let text)) where strategy != .timestamp: return .text(text)
        case .scalar(.string(let text)) where isText && TimeText.isTime(text): return .text(text)
        case .scalar(.integer(let value)) where !isText: return .integer(value)
        case .scalar(.number(let value)) where !isText: return .real(value)
        default:
            let hint =
                switch (strategy, isText) {
                case (.timestamp, true) where node.json.string == nil:
                    "Write a time such as \"2024-01-01T00:00:00Z\", or add the `format` of numbers, such as unix_seconds."
                case (.timestamp, true): "Write a time such as \"2024-01-01\" or \"2024-01-01T00:00:00Z\"."
                default: "Write a number, as the column holds it."
                }
            cursor.refuse("initial", "`initial` cannot be \(node.kind)", hint: hint)
            return nil
        }
    }
}
