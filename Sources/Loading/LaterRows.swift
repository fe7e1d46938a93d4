internal import Model
internal import SQLite

/// Which rows others have touched since a run or a backfill wrote them, as far as that is kept.
///
/// Looked up once for all commits of the writer: a backfill has thousands, and what others have kept may be long.
final class LaterRows {
    private let connection: Connection
    private let writer: Writer
    /// What was looked up: the table and the columns of its key.
    private var found: (table: String, key: [String])?
    private var count = 0

    init(_ connection: Connection, _ writer: Writer) {
        self.connection = connection
        self.writer = writer
    }

    private static let later = "temp._strandline_later"

    /// Who was the last to touch one of a commit's rows after it; nil when nobody did that kept what it changed.
    func writer(of slice: Rollback.Slice, _ record: UndoLedger.Record) throws(LoadStop) -> Writer? {
        if found?.table != record.table || found?.key ?? [] != record.key { try find(slice.kept, record) }
        guard count > 0 else { return nil }
        return try UndoLedger(connection).writer(
            """
            SELECT run FROM main._strandline_undo WHERE table_name = ?1 AND last_entry >= (
                SELECT max(entry) FROM \(LaterRows.later) WHERE entry > ?2
                    AND (\(columns(slice.kept))) IN (\(slice.keysBefore) UNION ALL \(slice.keysAfter)))
            ORDER BY last_entry LIMIT 1
            """, [.text(record.table), .integer(slice.entries.upperBound)])
    }

    /// Drops what was looked up.
    func release() throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(LaterRows.later)")
        }
        found = nil
    }

    private func columns(_ kept: UndoTable) -> String {
        (0..<max(1, kept.key.count)).map { "k\($0)" }.joined(separator: ", ")
    }

    private func find(_ kept: UndoTable, _ record: UndoLedger.Record) throws(LoadStop) {
        try release()
        // Other kinds of entries hold the row that was written under names of its own, too.
        let written = kept.key.map { "k." + quoted(UndoTable.written($0)) }.joined(separator: ", ")
        let read =
            kept.key.isEmpty
            ? "k.\(quoted("row"))" : kept.key.map { "k." + quoted(UndoTable.kept($0)) }.joined(separator: ", ")
        let others = """
            FROM main._strandline_undo AS u CROSS JOIN \(kept.sql) AS k ON k.entry BETWEEN u.first_entry AND u.last_entry \
            WHERE u.table_name = ?1 AND u.run <> ?2 AND u.last_entry > ?3
            """
        let parameters: [Value] = [
            .text(record.table), .text(writer.id), .integer(try first(record)),
        ]
        let sides = UndoTable.Side.self
        var statements = [
            "INSERT INTO \(LaterRows.later) SELECT k.entry, \(read) \(others) AND k.side <> \(sides.added.rawValue)"
        ]
        if !kept.key.isEmpty {
            statements.append(
                "INSERT INTO \(LaterRows.later) SELECT k.entry, \(written) \(others) "
                    + "AND k.side IN (\(sides.changed.rawValue), \(sides.added.rawValue))")
        }
        count = try connection.stopping { db throws(SQLiteError) in
            try db.execute("CREATE TEMP TABLE _strandline_later (entry INTEGER NOT NULL, \(columns(kept)))")
            var count = 0
            for statement in statements { count += try db.run(statement, parameters) }
            if count > 0 {
                try db.execute(
                    "CREATE INDEX temp._strandline_later_by_key ON _strandline_later (\(columns(kept)), entry)")
            }
            return count
        }
        found = (record.table, record.key)
    }

    /// The first entry that the writer has kept of the table.
    private func first(_ record: UndoLedger.Record) throws(LoadStop) -> Int64 {
        let first = try UndoLedger(connection).first(run: record.run, step: record.step, withRows: true)
        return first?.entries?.lowerBound ?? 0
    }
}
