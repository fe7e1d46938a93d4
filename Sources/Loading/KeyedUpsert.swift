internal import Model
internal import SQLite

/// The statement that writes rows by key: new keys are inserted, rows that differ are updated, equal ones left alone.
struct KeyedUpsert {
    /// The destination's columns, in the order of the rows' values.
    let columns: [String]
    let keyColumns: [String]
    let table: DestinationTable

    /// The columns that may differ though the key is the same.
    ///
    /// A key that ignores case may come with other bytes than those that are there.
    var others: [String] {
        let keys = Set(keyColumns.map(fold))
        let isBinary = table.shape?.uniqueKeys.contains { $0.columns == keys && $0.isBinary } ?? true
        return columns.filter { !isBinary || !keys.contains(fold($0)) }
    }

    /// The condition that a row of the table, called `old`, is changed to the row `new` of its key; nil where none is.
    func differs(old: String, new: String) -> String? {
        // A row that comes back loses its mark.
        let conditions =
            [DestinationTable.differs(others, table.shape, old: old, new: new), DeleteWrite(table).isMarked(old) ?? ""]
            .filter { !$0.isEmpty }
        return conditions.isEmpty ? nil : conditions.joined(separator: " OR ")
    }

    /// The statement for the rows of a SELECT, which must have a WHERE: SQLite would take ON CONFLICT for a join's else.
    func text(_ rows: DeltaStatement.Text) -> DeltaStatement.Text {
        let key = keyColumns.map(quoted).joined(separator: ", ")
        var action = "DO NOTHING"
        if let differs = differs(old: "strandline_old", new: "excluded") {
            let changes =
                others.map { "\(quoted($0)) = excluded.\(quoted($0))" }
                + [DeleteWrite(table).unmark].compactMap { $0 }
            action = "DO UPDATE SET \(changes.joined(separator: ", ")) WHERE \(differs)"
        }
        let inserted = columns.map(quoted).joined(separator: ", ")
        return rows.within(
            "\(table.insert) AS strandline_old (\(inserted)) \(rows.sql) ON CONFLICT (\(key)) \(action)")
    }
}

extension DestinationTable {
    /// Whether a trigger of the table may drop rows, which the figures of a statement do not show.
    func mayIgnoreRows(_ session: LoadSession) throws(LoadStop) -> Bool {
        try session.integer(
            "SELECT count(*) FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE "
                + "AND sql LIKE '%ignore%'", [.text(shape?.name ?? "")]) > 0
    }
}
