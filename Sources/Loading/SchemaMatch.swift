internal import Model

/// Which columns are loaded where, and what the destination lacks for it.
///
/// A pure comparison of two shapes under the step's policy.
struct SchemaMatch {
    /// A column of the source with the column of the destination it goes to.
    struct Pair: Equatable {
        var source: String
        var destination: String
    }

    /// The columns to load, in the source's order.
    var pairs: [Pair]
    /// Source columns that the destination is to be given.
    var added: [ColumnShape]
    /// What the run says about the comparison.
    var warnings: [LoadWarning]

    /// Compares the selected columns of a source with a destination; a nil destination is to be made from them.
    init(source: TableShape, destination: TableShape?, step: LoadStep) throws(LoadStop) {
        let selected = try SchemaMatch.select(source, step)
        warnings = []
        added = []
        try SchemaMatch.refuseLoadedMark(selected, destination, step)
        guard let destination else {
            pairs = selected.map { Pair(source: $0.name, destination: $0.name) }
            return
        }
        pairs = []
        var unknown: [ColumnShape] = []
        for column in selected {
            guard let match = destination.column(column.name) else {
                unknown.append(column)
                continue
            }
            guard !match.isGenerated else { continue }
            pairs.append(Pair(source: column.name, destination: match.name))
            try compareTypes(column, match, step)
        }
        try applyPolicy(to: unknown, step)
        let mark = step.softDelete
        if let mark, destination.column(mark) == nil { added.append(ColumnShape(name: mark, type: "TEXT")) }
        let given = Set((selected.map(\.name) + [mark].compactMap { $0 }).map(fold))
        try applyPolicy(
            toDropped: destination.columns.filter { !given.contains(fold($0.name)) && !$0.isGenerated }, step)
        try compareKeys(source, destination, step)
    }

    /// Tells of a source whose declared key is another one than rows are told apart by.
    private mutating func compareKeys(
        _ source: TableShape, _ destination: TableShape, _ step: LoadStep
    ) throws(LoadStop) {
        let declared = source.declaredKey.map(\.name)
        let isAppend = step.writeMode == .append && step.strategy != .fullRefresh
        guard source.kind == .table, !declared.isEmpty, !isAppend, step.strategy != .cdc else { return }
        let used =
            step.primaryKey.isEmpty
            ? destination.declaredKey.map(\.name) : step.primaryKey
        guard !used.isEmpty, !source.isUnique(used) else { return }
        let message =
            "the source \(source.name) is keyed by \(declared.joined(separator: ", ")), but rows are told apart by "
            + used.joined(separator: ", ") + ", of which it may hold several"
        guard step.schemaPolicy != .freeze else {
            throw .failure(
                Failure(
                    .schemaChanged, message,
                    hint: "name the source's key, and rebuild the destination with full_refresh",
                    field: "primary_key"))
        }
        warnings.append(LoadWarning(code: "key_differs", message: message))
    }

    /// The source's columns that the step loads; fails where the step names one that is not there.
    private static func select(_ source: TableShape, _ step: LoadStep) throws(LoadStop) -> [ColumnShape] {
        var names = step.primaryKey.map { ($0, "primary_key", Failure.Code.unknownColumn) }
        // The sequence of events is none of their rows' columns, and what is excluded need not be in each event.
        if step.strategy != .cdc {
            if let cursor = step.cursor { names.append((cursor.column, "cursor.column", .unknownColumn)) }
            names += step.columns.exclude.map { ($0, "columns.exclude", .unknownColumn) }
        }
        names += (step.columns.include ?? []).map { ($0, "columns.include", .unknownColumn) }
        for (name, field, code) in names where source.column(name) == nil {
            throw .failure(
                Failure(
                    code, "the source \(source.name) has no column \(name)",
                    hint: hint(for: name, among: source), field: field))
        }
        let included = step.columns.include.map { Set($0.map(fold)) }
        let excluded = Set(step.columns.exclude.map(fold))
        return source.columns.filter {
            (included?.contains(fold($0.name)) ?? true) && !excluded.contains(fold($0.name))
        }
    }

    /// Refuses a column for soft deletes that is loaded, or that cannot be written.
    private static func refuseLoadedMark(
        _ selected: [ColumnShape], _ destination: TableShape?, _ step: LoadStep
    ) throws(LoadStop) {
        guard let mark = step.softDelete else { return }
        let isLoaded = selected.contains { fold($0.name) == fold(mark) }
        guard isLoaded || destination?.column(mark)?.isGenerated ?? false else { return }
        throw .failure(
            Failure(
                .invalidValue,
                isLoaded
                    ? "the source has a column \(mark) of its own, which soft_delete would overwrite"
                    : "column \(mark) of \(step.destination.table) is computed, so soft_delete cannot set it",
                hint: "name another column, such as soft_delete: removed_at", field: "soft_delete"))
    }

    private static func hint(for name: String, among source: TableShape) -> String {
        "its columns are " + source.columns.map(\.name).joined(separator: ", ")
            + "; correct the document, or restore the column"
    }

    private mutating func compareTypes(
        _ source: ColumnShape, _ destination: ColumnShape, _ step: LoadStep
    ) throws(LoadStop) {
        guard fold(source.type) != fold(destination.type), !source.type.isEmpty else { return }
        // ANY is made a column without a type, which keeps every value as it is.
        if fold(source.type) == "any", destination.type.isEmpty { return }
        let message =
            "column \(source.name) is declared \(source.type) in the source and "
            + (destination.type.isEmpty ? "without a type" : destination.type) + " in \(step.destination.table)"
        if step.schemaPolicy == .freeze {
            throw .failure(
                Failure(
                    .schemaChanged, message, hint: "change one of the two, or use schema_policy: evolve",
                    field: "schema_policy"))
        }
        warnings.append(
            LoadWarning(code: "type_differs", message: message + "; values are stored as the destination declares"))
    }

    private mutating func applyPolicy(to unknown: [ColumnShape], _ step: LoadStep) throws(LoadStop) {
        guard !unknown.isEmpty else { return }
        let names = unknown.map(\.name).joined(separator: ", ")
        switch step.schemaPolicy {
        case .evolve:
            added += unknown
            pairs += unknown.map { Pair(source: $0.name, destination: $0.name) }
            warnings.append(
                LoadWarning(
                    code: "columns_added",
                    message: "added to \(step.destination.table): \(names); rows loaded before hold NULL there "
                        + (step.strategy == .snapshotDiff
                            ? "no longer, since all are compared"
                            : "until they are read again (a run with full_refresh reads all)")))
        case .freeze:
            throw .failure(
                Failure(
                    .schemaChanged, "the source has columns that \(step.destination.table) lacks: \(names)",
                    hint: "add them to the destination, list them under columns.exclude, or use schema_policy: evolve",
                    field: "schema_policy"))
        case .discard:
            warnings.append(
                LoadWarning(
                    code: "columns_discarded",
                    message: "not loaded, since \(step.destination.table) lacks them: \(names)"))
        }
    }

    private mutating func applyPolicy(toDropped dropped: [ColumnShape], _ step: LoadStep) throws(LoadStop) {
        guard !dropped.isEmpty else { return }
        let names = dropped.map(\.name).joined(separator: ", ")
        if step.schemaPolicy == .freeze {
            throw .failure(
                Failure(
                    .schemaChanged, "\(step.destination.table) has columns that the source lacks: \(names)",
                    hint: "drop them from the destination, or use schema_policy: evolve", field: "schema_policy"))
        }
        if let required = dropped.first(where: { $0.isRequired && !$0.hasDefault && $0.keyPosition == 0 }) {
            throw .failure(
                Failure(
                    .schemaChanged,
                    "\(step.destination.table) requires column \(required.name), which the source lacks",
                    hint: "give the column a default, or drop its NOT NULL", field: "schema_policy"))
        }
        warnings.append(
            LoadWarning(
                code: "columns_missing",
                message: step.writeMode == .deleteInsert
                    ? "the source lacks columns of \(step.destination.table): \(names); rows written by delete_insert "
                        + "lose their values there"
                    : "columns of \(step.destination.table) that the source lacks keep their values: \(names)"))
    }
}
