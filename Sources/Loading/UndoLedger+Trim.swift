internal import Model
internal import Platform
internal import SQLite

extension UndoLedger {
    /// Forgets what is older than it is kept, and of `table` what runs have kept beyond `rows` rows; the newest commit
    /// stays. What a backfill has kept goes by its age alone, and with it what its partitions need no longer.
    func trim(_ table: String, keeping rows: Int, at now: Timestamp) throws(LoadStop) {
        let doomed = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT u.* FROM main._strandline_undo AS u WHERE u.table_name = ?1 AND u.kept_through <= (
                    SELECT max(kept_through) - ?2 FROM main._strandline_undo
                    WHERE table_name = ?1 AND kept_through IS NOT NULL)
                UNION
                SELECT u.* FROM main._strandline_undo AS u WHERE u.table_name = ?1 AND u.old_rows > 0 AND ?2 < (
                    SELECT sum(n.old_rows) FROM main._strandline_undo AS n
                    WHERE n.table_name = ?1 AND n.sequence >= u.sequence)
                """, [.text(table), Value(rows)]
            ).map { row throws(SQLiteError) in try Record(row) }
        }
        for record in doomed { try forget(record) }
        try forgetExpired(at: now)
    }

    /// Forgets the commits of the runs and backfills whose last one is past its time, the oldest first; where they are
    /// many, the next commit goes on.
    private func forgetExpired(at now: Timestamp) throws(LoadStop) {
        let expired = try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT run, step FROM main._strandline_undo AS u WHERE expires_at < ? AND NOT EXISTS (
                    SELECT 1 FROM main._strandline_undo AS n
                    WHERE n.run = u.run AND n.step = u.step AND n.commit_number > u.commit_number)
                """, [.integer(now.microseconds)]
            ).map { row throws(SQLiteError) in (run: try row.text("run"), step: try row.text("step")) }
        }
        var (commits, rows) = (0, Int64(0))
        for writer in expired {
            let records = try connection.stopping { db throws(SQLiteError) in
                try db.rows(
                    "SELECT * FROM main._strandline_undo WHERE run = ? AND step = ? ORDER BY commit_number LIMIT ?",
                    [.text(writer.run), .text(writer.step), Value(Limits.undoCommitsForgotten + 1)]
                ).map { row throws(SQLiteError) in try Record(row) }
            }
            for record in records {
                guard commits < Limits.undoCommitsForgotten, rows < Limits.undoRowsRemoved else { return }
                try forget(record)
                commits += 1
                rows += record.entries.map { $0.upperBound - $0.lowerBound + 1 } ?? 0
            }
            try FoldedPartitions(connection).fold(writer.run, step: writer.step)
        }
    }

    private func forget(_ record: Record) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            if let entries = record.entries {
                _ = try db.run(
                    "DELETE FROM main.\(quoted(UndoTable.name(of: record.table))) WHERE entry BETWEEN ? AND ?",
                    [.integer(entries.lowerBound), .integer(entries.upperBound)])
            }
            if let old = record.oldTable { try db.execute("DROP TABLE IF EXISTS main.\(quoted(old))") }
            _ = try db.run(
                "DELETE FROM main._strandline_undo WHERE run = ? AND step = ? AND commit_number = ?",
                [.text(record.run), .text(record.step), Value(record.number)])
        }
    }
}
