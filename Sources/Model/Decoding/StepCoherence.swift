internal import Platform

/// Whether the fields of one step fit together.
struct StepCoherence {
    /// The step's keys.
    let fields: Fields

    /// Notes what does not fit together in a decoded step.
    func check(_ step: LoadStep) {
        checkKey(step)
        checkAppend(step)
        checkColumns(step)
        checkSoftDelete(step)
        checkPlaces(step)
    }

    private func checkSoftDelete(_ step: LoadStep) {
        guard let column = step.softDelete else { return }
        let loaded = step.primaryKey + [step.cursor?.column].compactMap { $0 } + (step.columns.include ?? [])
        guard loaded.contains(where: { isSame($0, column) }) else { return }
        fields.refuse(
            "soft_delete", "`soft_delete` names `\(column)`, which is a column of the source",
            hint: "Name a column that only the destination has, such as `soft_delete: deleted_at`.")
    }

    private func checkKey(_ step: LoadStep) {
        if case .sequence(let items)? = fields.node("primary_key")?.content, items.isEmpty {
            fields.refuse("primary_key", "`primary_key` is empty", hint: "Name the columns that identify a row.")
            return
        }
        if step.strategy == .snapshotDiff {
            // A table is compared by the key that it declares; a query declares none.
            guard case .query = step.source.relation, fields.node("primary_key") == nil else { return }
            fields.miss(
                "primary_key", "`strategy: snapshot_diff` of a query needs a `primary_key`, and the step has none",
                hint: "Add the columns that identify a row, such as `primary_key: [id]`.")
            return
        }
        let needsKey = step.strategy != .fullRefresh && step.writeMode != .append
        if needsKey, fields.node("primary_key") == nil {
            fields.miss(
                "primary_key", "`write_mode: \(step.writeMode.rawValue)` needs a `primary_key`, and the step has none",
                hint: "Add the columns that identify a row, such as `primary_key: [id]`.")
        }
    }

    private func checkAppend(_ step: LoadStep) {
        guard step.writeMode == .append, step.cursor != nil else { return }
        if step.lookback != .none, step.primaryKey.isEmpty {
            fields.refuse(
                "lookback", "`lookback` with `write_mode: append` and no `primary_key` would load rows twice",
                hint: "Add a `primary_key` with `write_mode: upsert`, or remove `lookback`.")
        }
        guard step.strategy == .timestamp, step.lookback == .none, step.settle == .none else { return }
        fields.findings.warn(
            "late_rows",
            "The step `\(step.name)` appends with neither `lookback` nor `settle`: a row that is committed late, with "
                + "an older `\(step.cursor?.column ?? "")` than the watermark, is never loaded. Set `settle` to the "
                + "longest time a transaction of the source takes, or use `upsert` with a `primary_key`.")
    }

    private func checkColumns(_ step: LoadStep) {
        var needed = step.primaryKey.map { ($0, "a column of the primary key") }
        // The cursor of a change log is no column of the rows.
        if let cursor = step.cursor, step.strategy != .cdc { needed.append((cursor.column, "the cursor")) }
        // A freshness may look at a column that only the destination has.
        for check in step.checks where check.type != .freshness {
            needed += check.columns.map { ($0, "a column of the check `\(check.name)`") }
        }
        // What is no mapping has been refused when it was decoded.
        guard case .mapping = fields.node("columns")?.content, let columns = fields.mapping("columns") else { return }
        if step.strategy == .cdc, !step.columns.rename.isEmpty || !step.columns.cast.isEmpty {
            columns.refuse(
                columns.has("rename") ? "rename" : "cast", "`rename` and `cast` are not supported for change events",
                hint: "Rename and cast with a `query` as the source.", code: .unsupported)
        }
        for (column, what) in needed {
            if step.columns.exclude.contains(where: { isSame($0, column) }) {
                columns.refuse(
                    "exclude", "`exclude` names `\(column)`, which is \(what)", hint: "Remove it from `exclude`.")
            } else if let include = step.columns.include, !include.isEmpty,
                !include.contains(where: { isSame($0, column) })
            {
                columns.refuse(
                    "include", "`include` does not name `\(column)`, which is \(what)", hint: "Add it to `include`.")
            }
        }
    }

    private func checkPlaces(_ step: LoadStep) {
        guard case .table(let table) = step.source.relation, !table.isEmpty,
            step.source.connection == step.destination.connection, isSame(table, step.destination.table)
        else { return }
        fields.refuse(
            "destination", "the step would load the table `\(table)` of `\(step.source.connection)` into itself",
            hint: "Name another table or connection.", code: .sameTable)
    }

    /// SQLite's own rule for names: the case of ASCII letters does not count.
    private func isSame(_ left: String, _ right: String) -> Bool {
        func folded(_ text: String) -> [UInt8] {
            text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
        }
        return folded(left) == folded(right)
    }
}
