internal import Platform

/// Decodes what a step with the strategy `cdc` says of its change events, and how it moves along them.
struct ChangeLogDecoding {
    /// The step's keys.
    let fields: Fields
    /// Reads the keys that other strategies have too.
    let movement: MovementDecoding

    /// Fills the parts of `step` that belong to its strategy.
    func decode(into step: inout LoadStep) {
        if case .scalar(.string("upsert"))? = fields.node("write_mode")?.content {
        } else if fields.node("write_mode") != nil {
            fields.refuse(
                "write_mode", "`write_mode` can only be `upsert` with `strategy: cdc`, which also follows deletes",
                hint: "Remove it.")
        }
        if fields.node("on_duplicate_key") != nil {
            fields.refuse(
                "on_duplicate_key",
                "`on_duplicate_key` has no meaning with `strategy: cdc`, where the newest event of a key wins",
                hint: "Remove it.")
        }
        if fields.node("detect_deletes") != nil {
            fields.refuse(
                "detect_deletes", "`detect_deletes` has no meaning with `strategy: cdc`, whose events tell of deletes",
                hint: "Remove it.")
        }
        step.writeMode = .upsert
        if fields.node("cursor") != nil { step.cursor = cursor() }
        step.lookback = movement.reach("lookback", .cdc) ?? .none
        step.settle = movement.reach("settle", .cdc) ?? .none
        movement.gaps(&step)
        step.softDelete = fields.identifier("soft_delete")
        step.changeLog = format()
    }

    /// The sequence; its column may be left to be found.
    private func cursor() -> Cursor? {
        if case .mapping = fields.node("cursor")?.content, let parts = fields.mapping("cursor") {
            for key in ["on_missing"] where parts.node(key) != nil {
                parts.refuse(
                    key, "`\(key)` has no meaning with `strategy: cdc`: an event without a sequence has no place",
                    hint: "Remove it; leave such events out with a query.")
            }
        }
        return movement.cursor(.cdc)
    }

    private func format() -> ChangeLogFormat {
        var format = ChangeLogFormat()
        if case .scalar(.string)? = fields.node("change_log")?.content {
            format.shape = fields.word("change_log", ChangeLogFormat.Shape.self)
            return format
        }
        guard let parts = fields.mapping("change_log") else { return format }
        parts.allow(["shape", "operation", "data", "envelope", "index"], of: "`change_log`")
        format.shape = parts.word("shape", ChangeLogFormat.Shape.self)
        format.operation = parts.identifier("operation")
        format.data = parts.identifier("data")
        format.envelope = parts.identifier("envelope")
        format.index = parts.identifier("index")
        for key in meaningless(format) where parts.node(key) != nil {
            parts.refuse(
                key, "`\(key)` has no meaning with `shape: \(format.shape?.rawValue ?? "")`", hint: "Remove it.")
        }
        return format
    }

    private func meaningless(_ format: ChangeLogFormat) -> [String] {
        switch format.shape {
        case .flat: ["envelope"]
        case .debezium: ["operation", "data"]
        case .strandline: ["operation", "data", "envelope", "index"]
        case nil: format.envelope == nil ? [] : ["operation", "data"]
        }
    }
}
