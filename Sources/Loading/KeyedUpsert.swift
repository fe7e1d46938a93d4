internal import Model
internal import SQLite

/// The statement that writes rows by key: new keys are inserted, rows that differ are updated, equal ones left alone.
struct KeyedUpsert {
    /// The destination's columns, in the order of the rows' values.
    let columns: [String]
    let keyColumns: [String]
    let table: DestinationTable

    /// The statement for the rows of a SELECT, which must have a WHERE: SQLite would take ON CONFLICT for a join's else.
    func text(_ rows: DeltaStatement.Text) -> DeltaStatement.Text {
        let key = keyColumns.map(quoted).joined(separator: ", ")
        let keys = Set(keyColumns.map(fold))
        // A key that ignores case may come with other bytes than those that are there.
        let isBinary = table.shape?.uniqueKeys.contains { $0.columns == keys && $0.isBinary } ?? true
        let others = columns.filter { !isBinary || !keys.contains(fold($0)) }
        var action = "DO NOTHING"
        var changes = others.map { "\(quoted($0)) = excluded.\(quoted($0))" }
        var differs = [DestinationTable.differs(others, table.shape, old: "strandline_old", new: "excluded")]
        // A row that comes back loses its mark.
        let deletion = DeleteWrite(table)
        if let unmark = deletion.unmark, let isMarked = deletion.isMarked("strandline_old") {
            changes.append(unmark)
            differs.append(isMarked)
        }
        if !changes.isEmpty {
            let condition = differs.filter { !$0.isEmpty }.joined(separator: " OR ")
            action = "DO UPDATE SET \(changes.joined(separator: ", ")) WHERE \(condition)"
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
