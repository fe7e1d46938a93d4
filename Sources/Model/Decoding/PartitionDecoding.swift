internal import Platform

/// Decodes what a backfill slices the rows of a step by.
struct PartitionDecoding {
    /// The step's keys.
    let step: Fields

    /// The scheme; nil when the step names none, or one that is refused.
    func scheme(of decoded: LoadStep) -> PartitionScheme? {
        guard let node = step.node("partition_by") else { return nil }
        if case .scalar = node.content {
            return step.identifier("partition_by").map { PartitionScheme(column: $0, interval: .day) }
        }
        guard let fields = step.mapping("partition_by") else { return nil }
        fields.allow(["column", "interval", "format", "timezone"], of: "`partition_by`")
        if fields.node("column") == nil {
            fields.miss(
                "column", "`partition_by` has no `column`",
                hint: "Add the column that says when a row happened, such as `column: created_at`.")
        }
        let interval = interval(fields)
        let format = fields.word("format", CursorFormat.self)
        if let interval, !interval.isTime {
            for key in ["format", "timezone"] where fields.node(key) != nil {
                fields.refuse(key, "`\(key)` has no meaning where `interval` is a count of numbers", hint: "Remove it.")
            }
        }
        let timezone = timezone(fields)
        guard let column = fields.identifier("column"), let interval, let timezone else { return nil }
        return PartitionScheme(column: column, format: format, interval: interval, timezone: timezone)
    }

    private func interval(_ fields: Fields) -> Interval? {
        guard let node = fields.node("interval") else { return .day }
        if let interval = Interval(json: node.json) { return interval }
        fields.refuse(
            "interval", "`interval` cannot be \(node.kind)",
            hint:
                "Use one of \(Interval.words.joined(separator: ", ")), or, for a column of numbers that count, how many "
                + "of them make a partition.")
        return nil
    }

    private func timezone(_ fields: Fields) -> String? {
        guard fields.node("timezone") != nil else { return Zone.utc.name }
        return fields.text("timezone").flatMap { fields.zone($0, "timezone")?.name }
    }
}
