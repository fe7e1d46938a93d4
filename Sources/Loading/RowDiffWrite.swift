internal import Model
internal import Platform
internal import SQLite

/// Runs the statements of a `RowDiff`, and holds each to its count.
struct RowDiffWrite {
    let session: LoadSession
    let diff: RowDiff

    /// What was staged: rows that are new, rows that changed, and rows that are back after they were marked.
    struct Staged {
        var new: Int
        var changed: Int
        var back: Int
    }

    /// Refuses a destination in which a key names two rows: only one of them can be what the source has.
    func refuseDoubledKey() throws(LoadStop) {
        let key = diff.source.key.map(\.destination)
        guard let shape = diff.table.shape, !shape.isUnique(key) else { return }
        let found = try session.connection.stopping { db throws(SQLiteError) in try db.first(diff.doubledKey) }
        guard let found else { return }
        throw .failure(.doubledKey(shape.name, key, found.values))
    }

    /// Stages what differs.
    func stage() throws(LoadStop) -> Staged {
        session.trail.note(diff.makeStage)
        try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(RowDiff.stage)")
            try db.execute(diff.makeStage)
        }
        return try look(at: try fill(DeltaStatement.Text(sql: diff.fillStage, parameters: [])))
    }

    /// Runs a statement that stages rows; answers how many.
    func fill(_ text: DeltaStatement.Text) throws(LoadStop) -> Int {
        session.trail.note(text)
        return try session.connection.stopping { db throws(SQLiteError) in try db.run(text.sql, text.parameters) }
    }

    /// Looks what the staged rows are, `count` in number; refuses some without a key.
    func look(at count: Int) throws(LoadStop) -> Staged {
        let new = try session.integer(diff.count(RowDiff.Found.nowhere))
        // Without a key a row is nowhere in the destination.
        let nullKeys = new == 0 ? 0 : try session.integer(diff.countNullKeys)
        guard nullKeys == 0 else { throw .failure(.nullKeys(nullKeys, diff.source.key.map(\.source))) }
        let back = diff.deletes.column == nil ? 0 : try session.integer(diff.count(RowDiff.Found.marked))
        return Staged(new: new, changed: count - new - back, back: back)
    }

    /// Writes what was staged, after the rows, called `d`, that `isGone` holds for have left.
    func write(_ counts: RowCounts, gone isGone: String, at now: Timestamp) throws(LoadStop) {
        session.trail.enter(.write)
        // What is gone goes first: what comes may have its values in columns that are unique.
        let deleted = counts.deleted == 0 ? 0 : try diff.deletes.run(where: isGone, at: now, session)
        let written = try session.undoable(
            [RowDiff.stage], diff.stagedRows(counts.updated + counts.inserted)
        ) { () throws(LoadStop) in
            var written = 0
            guard counts.updated + counts.inserted > 0 else { return written }
            for statement in diff.writes { written += try run(statement) }
            return written
        }
        guard deleted == counts.deleted, written == counts.updated + counts.inserted else {
            throw .failure(counts.unaccounted(written))
        }
    }

    /// Runs a statement that writes, and notes it; answers how many rows it wrote.
    private func run(_ sql: String) throws(LoadStop) -> Int {
        session.trail.note(sql)
        return try session.connection.stopping { db throws(SQLiteError) in try db.run(sql) }
    }

    /// Tells of rows that a trigger has given other values, which the next comparison will find to differ again.
    func rewritten() throws(LoadStop) -> [LoadWarning] {
        let rewritten = try diff.countRewritten.map { sql throws(LoadStop) in try session.integer(sql) } ?? 0
        guard rewritten > 0 else { return [] }
        return [
            LoadWarning(
                code: "values_rewritten",
                message:
                    "\(rewritten == 1 ? "1 row holds" : "\(rewritten) rows hold") other values than were written: a "
                    + "trigger of \(session.request.step.destination.table) changes loaded columns, so every run updates "
                    + "such rows again")
        ]
    }

    /// Drops the stage.
    func release() throws(LoadStop) {
        try session.connection.stopping { db throws(SQLiteError) in try db.execute("DROP TABLE \(RowDiff.stage)") }
    }
}

extension LoadSession {
    /// Runs a write, which is told whether the table has triggers, and refuses rows that one has added or removed beside
    /// it.
    func watchingTriggers(
        _ table: DestinationTable, _ counts: RowCounts, _ write: (Bool) throws(LoadStop) -> Void
    ) throws(LoadStop) {
        guard try table.hasTriggers(connection) else { return try write(false) }
        let before = try rowsInDestination(table)
        try write(true)
        let removed = table.step.softDelete == nil ? counts.deleted : 0
        guard try rowsInDestination(table) == before + counts.inserted - removed else {
            throw .failure(counts.unaccounted(counts.inserted + counts.updated))
        }
    }
}
