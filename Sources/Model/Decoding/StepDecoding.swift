internal import Platform

/// Decodes steps.
struct StepDecoding {
    /// Where what is wrong is noted.
    let findings: Findings

    private static let keys = [
        "name", "kind", "depends_on", "when", "timeout", "source", "destination", "strategy", "cursor", "primary_key",
        "write_mode",
        "lookback", "settle", "max_shrink", "columns", "schema_policy", "on_gap", "on_duplicate_key", "detect_deletes",
        "soft_delete", "undo", "change_log", "checks", "partition_by", "reconcile", "freshness",
    ]
    private static let sqlKeys = [
        "name", "kind", "depends_on", "when", "timeout", "destination", "sql", "checks", "freshness",
    ]
    private static let unsupported = [
        "max_future": "Remove it; a cursor may move the watermark up to 5 minutes ahead of the clock."
    ]

    /// The step of a node; nil, with the reasons noted, when it is refused.
    func step(_ node: DocumentNode, path: String) -> Step? {
        guard let fields = Fields(node, path: path, called: "a step", findings: findings), let kind = kind(fields)
        else {
            return nil
        }
        let before = findings.failures.count
        let dependsOn = fields.identifiers("depends_on") ?? []
        let when = fields.word("when", StepCondition.self)
        if when != nil, dependsOn.isEmpty {
            fields.refuse(
                "when", "`when` is about the steps that this one depends on, and it depends on none",
                hint: "Remove it, or add `depends_on`.")
        }
        let timeout = fields.duration("timeout", in: Limits.shortestTimeout...Limits.longestTimeout)
        let freshness = FreshnessDecoding(owner: fields)
        let policy = freshness.policy()
        let work: Step.Work? =
            switch kind {
            case .load: load(fields).map { .load($0) }
            case .sql: sql(fields).map { .sql($0) }
            }
        guard let work, findings.failures.count == before else { return nil }
        var step = Step(work, dependsOn: dependsOn)
        step.freshness = policy
        freshness.check(policy, of: [step])
        step.when = when ?? step.when
        step.timeout = timeout
        return step
    }

    private func sql(_ fields: Fields) -> SQLStep? {
        fields.allow(StepDecoding.sqlKeys + StepDecoding.keys, of: "a step of kind `sql`")
        for key in StepDecoding.keys where fields.has(key) && !StepDecoding.sqlKeys.contains(key) {
            fields.refuse(
                key, "`\(key)` is for steps of kind `load`; a `sql` step runs its statements and loads nothing",
                hint: "Remove it, or remove `kind: sql`.")
        }
        let name = fields.ownName(given: nil, of: "step")
        let connection = sqlDestination(fields)
        let script = SQLDecoding(fields: fields).script()
        let checks = CheckDecoding(step: fields).checks(of: nil)
        guard let name, let connection, let script else { return nil }
        var step = SQLStep(name: name, connection: connection, script: script)
        step.checks = checks
        return step
    }

    private func sqlDestination(_ fields: Fields) -> String? {
        guard let place = place(fields, "destination", example: "{ connection: warehouse }") else { return nil }
        if place.has("table") {
            place.refuse(
                "table", "the statements of a `sql` step name their tables themselves", hint: "Remove `table`.")
        }
        place.allow(["connection", "table"], of: "`destination`")
        return connection(place)
    }

    private func load(_ fields: Fields) -> LoadStep? {
        let before = findings.failures.count
        if fields.has("sql") {
            fields.refuse(
                "sql", "`sql` is for steps of kind `sql`, and this one loads a table",
                hint: "Add `kind: sql`, or read a query with `source: { connection: ..., query: ... }`.")
        }
        fields.allow(StepDecoding.keys + ["sql"], unsupported: StepDecoding.unsupported, of: "a step")
        let name = fields.ownName(given: nil, of: "step")
        let source = source(fields)
        let destination = destination(fields)
        let strategy = strategy(fields)
        let primaryKey = fields.identifiers("primary_key") ?? []
        let columns = columns(fields)
        let maxShrink = fields.share("max_shrink")
        let schemaPolicy = fields.word("schema_policy", SchemaPolicy.self)
        let onDuplicateKey = fields.word("on_duplicate_key", DuplicateKeyPolicy.self)
        // Without a strategy, nothing can be said of how the step moves.
        guard let strategy else { return nil }
        var step = LoadStep(
            name: name ?? "", source: source ?? .init(connection: "", relation: .table("")),
            destination: destination ?? .init(connection: "", table: ""), strategy: strategy, primaryKey: primaryKey,
            columns: columns)
        step.maxShrink = maxShrink ?? step.maxShrink
        step.schemaPolicy = schemaPolicy ?? step.schemaPolicy
        step.onDuplicateKey = onDuplicateKey ?? step.onDuplicateKey
        MovementDecoding(fields: fields).decode(into: &step)
        step.undo = undo(fields)
        step.partitionBy = PartitionDecoding(step: fields).scheme(of: step)
        step.checks = CheckDecoding(step: fields).checks(of: step)
        if let reconcile = fields.mapping("reconcile") {
            reconcile.allow(["decimals"], of: "`reconcile`")
            step.reconcileDecimals = reconcile.whole("decimals", in: 0...9).map(Int.init) ?? step.reconcileDecimals
        }
        StepCoherence(fields: fields).check(step)
        // A step whose parts were refused still goes through this, so that all of its faults are told at once.
        return name != nil && source != nil && destination != nil && findings.failures.count == before ? step : nil
    }

    private func kind(_ fields: Fields) -> StepKind? {
        fields.node("kind") == nil ? .load : fields.word("kind", StepKind.self)
    }

    private func strategy(_ fields: Fields) -> Strategy? {
        let words = Strategy.allCases.map(\.rawValue).joined(separator: ", ")
        switch fields.node("strategy")?.content {
        case nil:
            fields.miss("strategy", "the step has no `strategy`", hint: "Add one of \(words).")
            return nil
        default: return fields.word("strategy", Strategy.self)
        }
    }

    /// What is kept for a rollback: a mapping, or `off`.
    private func undo(_ fields: Fields) -> UndoPolicy? {
        switch fields.node("undo")?.content {
        case nil: return .usual
        case .scalar(.string("off")), .scalar(.bool(false)): return nil
        default:
            guard let bounds = fields.mapping("undo") else { return nil }
            bounds.allow(["keep", "max_rows"], of: "`undo`")
            var policy = UndoPolicy.usual
            policy.keep = bounds.duration("keep", in: .seconds(1)...Limits.longestUndo) ?? policy.keep
            policy.maxRows =
                bounds.whole("max_rows", in: 1...Int64(Limits.mostUndoRows)).map(Int.init) ?? policy.maxRows
            return policy
        }
    }

    private func source(_ fields: Fields) -> LoadStep.Source? {
        guard let source = place(fields, "source", example: "{ connection: shop, table: orders }") else { return nil }
        source.allow(["connection", "table", "query"], of: "`source`")
        let connection = connection(source)
        let relation: LoadStep.Relation?
        switch (source.node("table"), source.node("query")) {
        case (nil, nil):
            source.miss("table", "`source` has neither `table` nor `query`", hint: "Add one of them.")
            relation = nil
        case (_?, _?):
            source.refuse("query", "`source` has both `table` and `query`", hint: "Remove one of them.")
            relation = nil
        case (_?, nil): relation = source.identifier("table").map { .table($0) }
        case (nil, _?): relation = query(source).map { .query($0) }
        }
        guard let connection, let relation else { return nil }
        return .init(connection: connection, relation: relation)
    }

    private func query(_ source: Fields) -> String? {
        guard let text = source.text("query") else { return nil }
        guard !text.utf8.contains(0) else {
            source.refuse("query", "the query holds a NUL character", code: .invalidQuery)
            return nil
        }
        return text
    }

    private func destination(_ fields: Fields) -> LoadStep.Destination? {
        guard let place = place(fields, "destination", example: "{ connection: warehouse, table: orders }") else {
            return nil
        }
        place.allow(["connection", "table"], of: "`destination`")
        let connection = connection(place)
        if place.node("table") == nil {
            place.miss(
                "table", "`destination` has no `table`", hint: "Add the table to write, such as `table: orders`.")
        }
        guard let connection, let table = place.identifier("table") else { return nil }
        let destination = LoadStep.Destination(connection: connection, table: table)
        guard !destination.isReserved else {
            place.refuse(
                "table", "`\(table)` is a name that SQLite and Strandline keep for tables of their own",
                hint: "Choose a name that starts with neither `sqlite_` nor `_strandline_`.")
            return nil
        }
        return destination
    }

    private func place(_ fields: Fields, _ key: String, example: String) -> Fields? {
        if fields.node(key) == nil {
            fields.miss(key, "the step has no `\(key)`", hint: "Add `\(key): \(example)`.")
        }
        return fields.mapping(key)
    }

    private func connection(_ fields: Fields) -> String? {
        if fields.node("connection") == nil {
            fields.miss("connection", "no `connection` is named here", hint: "Add the name of a connection.")
        }
        return fields.name("connection")
    }

    private func columns(_ fields: Fields) -> ColumnSelection {
        guard let fields = fields.mapping("columns") else { return ColumnSelection() }
        fields.allow(["include", "exclude", "rename", "cast"], of: "`columns`")
        let include = fields.identifiers("include")
        if let include, include.isEmpty {
            fields.refuse("include", "`include` is empty", hint: "Remove it to load all columns.")
        }
        var columns = ColumnSelection(
            include: include.flatMap { $0.contains("*") ? nil : $0 }, exclude: fields.identifiers("exclude") ?? [])
        if let names = fields.mapping("rename") {
            columns.rename = names.all.compactMap { entry in names.identifier(entry.key).map { (entry.key, $0) } }
        }
        if let types = fields.mapping("cast") {
            columns.cast = types.all.compactMap { entry in types.word(entry.key, CastType.self).map { (entry.key, $0) }
            }
        }
        return columns
    }
}
