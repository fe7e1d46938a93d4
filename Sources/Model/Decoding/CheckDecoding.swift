internal import Platform

/// Decodes the checks of a step.
struct CheckDecoding {
    /// The step's keys.
    let step: Fields

    private static let common = ["name", "type", "severity", "on_fail"]
    /// What a check can look at where no delta is loaded: the tables as the statements leave them.
    private static let ofTables: [CheckType] = [.notNull, .unique, .acceptedValues, .range, .rowCount, .sql]

    /// The checks of a step that was decoded so far, nil for one that runs statements; those that were refused are left
    /// out.
    func checks(of step: LoadStep?) -> [Check] {
        guard let items = self.step.list("checks") else { return [] }
        guard items.count <= Limits.checks else {
            self.step.refuse("checks", "the step has more than \(Limits.checks) checks", hint: "Put some into one.")
            return []
        }
        var found: [Check] = []
        for (index, item) in items.enumerated() {
            let path = "\(self.step.path("checks"))[\(index)]"
            guard let fields = Fields(item, path: path, called: "a check", findings: self.step.findings),
                let check = check(fields, step)
            else { continue }
            guard !found.contains(where: { $0.name == check.name }) else {
                fields.refuse(
                    "name", "two checks of the step are called `\(check.name)`",
                    hint: "Give one of them another `name`.")
                continue
            }
            found.append(check)
        }
        return found
    }

    private func check(_ fields: Fields, _ step: LoadStep?) -> Check? {
        guard fields.node("type") != nil else {
            let words = CheckType.allCases.map(\.rawValue).joined(separator: ", ")
            fields.miss("type", "the check has no `type`", hint: "Add one of \(words).")
            return nil
        }
        guard let type = fields.word("type", CheckType.self) else { return nil }
        fields.allow(
            CheckDecoding.common + CheckDecoding.keys(type) + (step == nil ? ["table"] : []),
            of: "a check of type `\(type.rawValue)`")
        guard step != nil || fits(type, fields) else { return nil }
        let name = name(fields)
        let severity = fields.word("severity", CheckSeverity.self)
        let onFail = fields.word("on_fail", CheckFailurePolicy.self)
        guard let rule = rule(type, fields, step), fields.node("name") == nil || name != nil else { return nil }
        var check = Check(name: "", rule: rule, severity: severity ?? .error, onFail: onFail ?? .fail)
        check.table = fields.identifier("table")
        check.name = name ?? usualName(check)
        if let step, check.onFail == .quarantine { checkQuarantine(check, fields, step) }
        return check
    }

    /// Whether a step that runs statements can have such a check; notes why not.
    private func fits(_ type: CheckType, _ fields: Fields) -> Bool {
        let before = fields.findings.failures.count
        if !CheckDecoding.ofTables.contains(type) {
            let words = CheckDecoding.ofTables.map(\.rawValue).joined(separator: ", ")
            fields.refuse(
                "type", "a check of type `\(type.rawValue)` is about the rows of a load, and a `sql` step loads none",
                hint: "Use one of \(words).")
        }
        if fields.has("on_fail") {
            fields.refuse(
                "on_fail", "`on_fail` is about the rows of a load, and a `sql` step loads none", hint: "Remove it.")
        }
        if type != .sql, fields.node("table") == nil {
            fields.miss("table", "the check names no `table`", hint: "Add the table that it looks at.")
        }
        if type == .sql, let query = fields.node("query")?.json.string {
            if query.contains("{delta}") {
                fields.refuse(
                    "query", "`{delta}` stands for the rows of a load, and a `sql` step loads none",
                    hint: "Name the tables themselves.")
            } else if query.contains("{destination}"), fields.node("table") == nil {
                fields.miss(
                    "table", "`{destination}` stands for the check's `table`, and it names none",
                    hint: "Add the table that it looks at.")
            }
        }
        return fields.findings.failures.count == before
    }

    private static func keys(_ type: CheckType) -> [String] {
        switch type {
        case .notNull, .unique: ["columns"]
        case .acceptedValues: ["column", "values"]
        case .range: ["column", "min", "max"]
        case .rowCount: ["min", "max"]
        case .rowCountDelta: ["min_ratio", "max_ratio", "over_last"]
        case .freshness: ["column", "format", "max_age"]
        case .sql: ["query", "expect"]
        }
    }

    private func name(_ fields: Fields) -> String? {
        guard let name = fields.text("name") else { return nil }
        guard name.utf8.count <= Limits.checkNameBytes else {
            fields.refuse("name", "the name of a check is longer than \(Limits.checkNameBytes) bytes")
            return nil
        }
        return name
    }

    private func usualName(_ check: Check) -> String {
        let columns = check.columns.joined(separator: ", ")
        let place = [check.table, columns.isEmpty ? nil : columns].compactMap { $0 }.joined(separator: ": ")
        let name = place.isEmpty ? check.type.rawValue : "\(check.type.rawValue)(\(place))"
        return name.utf8.count <= Limits.checkNameBytes ? name : check.type.rawValue
    }

    private func checkQuarantine(_ check: Check, _ fields: Fields, _ step: LoadStep) {
        if !check.type.isAboutRows {
            let words = CheckType.allCases.filter(\.isAboutRows).map(\.rawValue).joined(separator: ", ")
            fields.refuse(
                "on_fail",
                "a check of type `\(check.type.rawValue)` is not about single rows, which could be set aside",
                hint: "Remove `on_fail`; it goes with \(words).")
        }
        if fields.node("severity") != nil {
            fields.refuse(
                "severity",
                "`severity` has no meaning with `on_fail: quarantine`: the rows are set aside, and the run "
                    + "goes on and says so", hint: "Remove one of them.")
        }
        let obstacle: String? =
            switch step.strategy {
            case .snapshotDiff: "they would be taken for gone, and removed"
            case .cdc: "an event that was passed over would never be applied"
            case .timestamp, .sequence, .fullRefresh: nil
            }
        if let obstacle {
            fields.refuse(
                "on_fail", "rows of `strategy: \(step.strategy.rawValue)` cannot be set aside: \(obstacle)",
                hint: "Remove `on_fail`; the rows are then refused, or loaded with `severity: warn`.")
        }
        if check.type == .unique, step.strategy != .fullRefresh, step.writeMode == .append {
            fields.refuse(
                "on_fail",
                "rows that are not unique cannot be set aside with `write_mode: append`, which does not tell "
                    + "a row from its earlier versions", hint: "Remove `on_fail`, or use upsert with a `primary_key`.")
        }
    }

    // MARK: Rules

    private func rule(_ type: CheckType, _ fields: Fields, _ step: LoadStep?) -> Check.Rule? {
        switch type {
        case .notNull: columns(fields).map { .notNull($0) }
        case .unique: columns(fields).map { .unique($0) }
        case .acceptedValues: acceptedValues(fields)
        case .range: range(fields)
        case .rowCount: rowCount(fields)
        case .rowCountDelta: rowCountDelta(fields)
        case .freshness: freshness(fields, step)
        case .sql: sql(fields)
        }
    }

    private func columns(_ fields: Fields) -> [String]? {
        guard fields.node("columns") != nil else {
            fields.miss("columns", "the check names no `columns`", hint: "Add them, such as `columns: [id]`.")
            return nil
        }
        guard let columns = fields.identifiers("columns") else { return nil }
        guard !columns.isEmpty else {
            fields.refuse("columns", "`columns` is empty", hint: "Name the columns that the check is about.")
            return nil
        }
        return columns
    }

    private func column(_ fields: Fields) -> String? {
        if fields.node("column") == nil {
            fields.miss("column", "the check names no `column`", hint: "Add the column that it is about.")
        }
        return fields.identifier("column")
    }

    private func acceptedValues(_ fields: Fields) -> Check.Rule? {
        let column = column(fields)
        guard fields.node("values") != nil else {
            fields.miss("values", "the check has no `values`", hint: "Add the list of what is accepted.")
            return nil
        }
        guard let items = fields.list("values"), let column else { return nil }
        guard (1...Limits.checkValues).contains(items.count) else {
            fields.refuse("values", "`values` must hold 1 to \(Limits.checkValues) values, and holds \(items.count)")
            return nil
        }
        var values: [CursorValue] = []
        for (index, item) in items.enumerated() {
            guard let value = CheckDecoding.value(item) else {
                let isNull = item.json == .null
                fields.findings.fail(
                    .invalidValue, "an accepted value cannot be \(item.kind)",
                    hint: isNull
                        ? "Remove it: NULL is always accepted; `type: not_null` refuses it."
                        : "Write a text or a number.",
                    field: "\(fields.path("values"))[\(index)]", mark: item.mark)
                return nil
            }
            values.append(value)
        }
        return .acceptedValues(column: column, values: values)
    }

    private func range(_ fields: Fields) -> Check.Rule? {
        let column = column(fields)
        var bounds: [String: CursorValue] = [:]
        for key in ["min", "max"] {
            guard let node = fields.node(key) else { continue }
            guard let value = CheckDecoding.value(node), node.json != true, node.json != false else {
                fields.refuse(key, "`\(key)` cannot be \(node.kind)", hint: "Write a number or a text.")
                return nil
            }
            bounds[key] = value
        }
        guard bounds["min"] != nil || bounds["max"] != nil else {
            fields.miss("min", "the check has neither `min` nor `max`", hint: "Add one of them, or both.")
            return nil
        }
        if let min = bounds["min"], let max = bounds["max"] {
            guard CheckDecoding.isText(min) == CheckDecoding.isText(max) else {
                fields.refuse(
                    "max", "`min` and `max` are a number and a text", hint: "Write both as the column has them.")
                return nil
            }
            guard CheckDecoding.isOrdered(min, max) else {
                fields.refuse("max", "`max` is below `min`, so no value can pass", hint: "Exchange them.")
                return nil
            }
        }
        return column.map { .range(column: $0, min: bounds["min"], max: bounds["max"]) }
    }

    private func rowCount(_ fields: Fields) -> Check.Rule? {
        let before = fields.findings.failures.count
        let min = fields.whole("min", in: 0...Int64.max)
        let max = fields.whole("max", in: 0...Int64.max)
        guard fields.findings.failures.count == before else { return nil }
        guard min != nil || max != nil else {
            fields.miss("min", "the check has neither `min` nor `max`", hint: "Add one of them, such as `min: 1`.")
            return nil
        }
        if let min, let max, max < min {
            fields.refuse("max", "`max` is below `min`, so no count can pass", hint: "Exchange them.")
            return nil
        }
        return .rowCount(min: min.map { Int($0) }, max: max.map { Int($0) })
    }

    private func rowCountDelta(_ fields: Fields) -> Check.Rule? {
        let before = fields.findings.failures.count
        let low = ratio(fields, "min_ratio")
        let high = ratio(fields, "max_ratio")
        if fields.node("over_last") == nil {
            fields.miss("over_last", "the check has no `over_last`", hint: "Add how many loads it looks back over.")
        }
        let over = fields.whole("over_last", in: 1...Int64(Limits.loadRecords / 2))
        guard fields.findings.failures.count == before, let over else { return nil }
        guard low != nil || high != nil else {
            fields.miss(
                "max_ratio", "the check has neither `min_ratio` nor `max_ratio`",
                hint: "Add one of them: `max_ratio: 5` stands for five times the mean.")
            return nil
        }
        if let low, let high, high < low {
            fields.refuse("max_ratio", "`max_ratio` is below `min_ratio`, so no count can pass", hint: "Exchange them.")
            return nil
        }
        return .rowCountDelta(minRatio: low, maxRatio: high, overLast: Int(over))
    }

    private func ratio(_ fields: Fields, _ key: String) -> Double? {
        guard let node = fields.node(key) else { return nil }
        switch node.content {
        case .scalar(.integer(let value)) where value >= 0: return Double(value)
        case .scalar(.number(let value)) where value >= 0 && value.isFinite: return value
        default:
            fields.refuse(key, "`\(key)` must be a number of at least 0, not \(node.kind)")
            return nil
        }
    }

    private func freshness(_ fields: Fields, _ step: LoadStep?) -> Check.Rule? {
        if fields.node("max_age") == nil {
            fields.miss("max_age", "the check has no `max_age`", hint: "Add it, such as `max_age: 2d`.")
        }
        let age = fields.duration("max_age", in: .zero...Limits.longestReach)
        let column = fields.identifier("column")
        let format = fields.word("format", CursorFormat.self)
        guard let age, fields.node("column") == nil || column != nil else { return nil }
        guard let step, column != nil || step.strategy == .timestamp else {
            fields.miss(
                "column", "a step with `strategy: \(step?.strategy.rawValue ?? "")` has no cursor that is a time",
                hint: "Add the `column` that holds the time of each row.")
            return nil
        }
        if column == nil, format != nil {
            fields.refuse(
                "format", "`format` has no meaning without `column`", hint: "Remove it: the cursor has its own.")
        }
        return .freshness(column: column, format: format, maxAge: age)
    }

    private func sql(_ fields: Fields) -> Check.Rule? {
        for (key, hint) in [
            ("query", "Add one SELECT over `{delta}` and `{destination}`."),
            ("expect", "Add the value that it must give."),
        ] where !fields.has(key) {
            fields.miss(key, "the check has no `\(key)`", hint: hint)
        }
        guard let query = fields.text("query"), fields.has("expect") else { return nil }
        guard !query.utf8.contains(0) else {
            fields.refuse("query", "the query holds a NUL character", code: .invalidQuery)
            return nil
        }
        guard let node = fields.node("expect") else { return .sql(query: query, expect: nil) }
        guard let value = CheckDecoding.value(node) else {
            fields.refuse("expect", "`expect` cannot be \(node.kind)", hint: "Write a text, a number or null.")
            return nil
        }
        return .sql(query: query, expect: value)
    }

    // MARK: Values

    /// A value as SQLite would hold it; nil for null, lists and mappings.
    private static func value(_ node: DocumentNode) -> CursorValue? {
        switch node.content {
        case .scalar(.integer(let value)): .integer(value)
        case .scalar(.number(let value)): .real(value)
        case .scalar(.string(let text)): .text(text)
        case .scalar(.bool(let flag)): .integer(flag ? 1 : 0)
        default: nil
        }
    }

    private static func isText(_ value: CursorValue) -> Bool {
        if case .text = value { true } else { false }
    }

    private static func isOrdered(_ low: CursorValue, _ high: CursorValue) -> Bool {
        switch (low, high) {
        case (.integer(let low), .integer(let high)): low <= high
        case (.text(let low), .text(let high)): !high.lexicographicallyPrecedes(low)
        case (.integer(let low), .real(let high)): Double(low) <= high
        case (.real(let low), .integer(let high)): low <= Double(high)
        case (.real(let low), .real(let high)): low <= high
        default: true
        }
    }
}
