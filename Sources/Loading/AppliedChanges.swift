internal import Model
internal import SQLite

/// The sequence of the newest event that was applied to each key, kept in the destination, so that an older event that
/// arrives late changes nothing, also after a delete.
///
/// Only a run that reads below the watermark can meet such an event, so there is a table only for a step with a
/// lookback, and in it only the keys changed within the lookback: what lies below it is older than any event that a run
/// will read. A watermark that a person sets further back reads the log again from there, in which then the
/// newest event of each key wins.
struct AppliedChanges {
    let step: LoadStep
    private let name: String
    private let sequence: String
    private let keyColumns: [String]

    init(_ request: LoadRequest) {
        let key = request.step.primaryKey
        step = request.step
        // Names of pipelines and steps hold no slash.
        name = "_strandline_applied/\(request.pipeline)/\(request.step.name)"
        keyColumns = key
        sequence = quoted(freeName("strandline_sequence", among: key))
    }

    private var sql: String { "main.\(quoted(name))" }
    private var keyList: String { keyColumns.map(quoted).joined(separator: ", ") }

    /// The condition that a row, called `other`, has the key of an entry, called `a`.
    private func sameKey(_ other: String) -> String {
        keyColumns.map { "a.\(quoted($0)) = \(other).\(quoted($0))" }.joined(separator: " AND ")
    }

    /// Makes the table fit the step: there when the step has a lookback, empty on its first load, gone otherwise.
    ///
    /// Where a person or a rollback has set the watermark back, events above it are to be applied again, also where they
    /// were mended and are older now than those that were applied.
    func prepare(_ table: DestinationTable, held: Watermark?, _ session: LoadSession) throws(LoadStop) {
        let isFirstLoad = session.isFirstLoad
        let found = try session.connection.stopping { db throws(SQLiteError) in try db.shape(of: name, in: "main") }
        let isWanted = step.lookback != .none
        let fits = found.map { Array($0.columns.dropLast().map(\.name)) == keyColumns } ?? false
        if found != nil, !isWanted || isFirstLoad || !fits { try execute("DROP TABLE \(sql)", session) }
        guard isWanted, isFirstLoad || !fits else {
            if isWanted, let held, held.reason != nil { try forget(above: held, session) }
            return
        }
        let columns = keyColumns.map { column in
            let type = DestinationTable.type(table.shape?.column(column)?.type ?? "").map { " " + $0 } ?? ""
            return quoted(column) + type + " NOT NULL"
        }
        try execute(
            "CREATE TABLE \(sql) (\((columns + [sequence]).joined(separator: ", ")), PRIMARY KEY (\(keyList))) "
                + "WITHOUT ROWID", session)
    }

    private func forget(above held: Watermark, _ session: LoadSession) throws(LoadStop) {
        let condition = held.value == nil ? "" : " WHERE \(sequence) > ?"
        let parameters = [held.value?.value].compactMap { $0 }
        _ = try session.connection.stopping { db throws(SQLiteError) in
            try db.run("DELETE FROM \(sql)\(condition)", parameters)
        }
    }

    /// Takes out of the stage what is older than what was applied to its key.
    func dropOlder(_ stage: ChangeStage, _ session: LoadSession) throws(LoadStop) {
        guard step.lookback != .none else { return }
        try execute(
            "DELETE FROM \(ChangeStage.sql) AS s WHERE EXISTS (SELECT 1 FROM \(sql) AS a WHERE \(sameKey("s")) "
                + "AND a.\(sequence) > s.\(stage.sequence))", session)
    }

    /// Notes what the stage has applied, and forgets what lies below the lookback of the watermark to be.
    func record(_ stage: ChangeStage, _ session: LoadSession) throws(LoadStop) {
        guard step.lookback != .none else { return }
        try execute(
            "INSERT INTO \(sql) (\(keyList), \(sequence)) SELECT \(keyList), \(stage.sequence) FROM \(ChangeStage.sql) "
                + "WHERE true ON CONFLICT (\(keyList)) DO UPDATE SET \(sequence) = excluded.\(sequence)", session)
        guard let highest = session.gate.tally.position?.key,
            let floor = session.order.key(highest, less: step.lookback).value
        else { return }
        let forget = "DELETE FROM \(sql) WHERE \(sequence) < ?"
        _ = try session.connection.stopping { db throws(SQLiteError) in try db.run(forget, [floor]) }
    }

    /// The condition that an event later than `sequence` was applied to a row of the destination, called `d`; nil where
    /// no entries are kept.
    func isLater(than place: Value) -> String? {
        guard step.lookback != .none, case .integer(let number) = place else { return nil }
        return "EXISTS (SELECT 1 FROM \(sql) AS a WHERE \(sameKey("d")) AND a.\(sequence) > \(number))"
    }

    /// The condition that an event, by its name and that of its sequence, or a later one was applied to its key; nil where
    /// no entries are kept.
    func wasApplied(_ session: LoadSession) throws(LoadStop) -> ((String, String) -> String)? {
        guard step.lookback != .none,
            try session.connection.stopping({ db throws(SQLiteError) in try db.shape(of: name, in: "main") }) != nil
        else { return nil }
        let (sql, own) = (sql, sequence)
        return { [self] event, place in
            "EXISTS (SELECT 1 FROM \(sql) AS a WHERE \(sameKey(event)) AND a.\(own) >= \(event).\(place))"
        }
    }

    /// The condition, by the column of the sequence, that a staged event, called `s`, is not the one that was applied to
    /// its key; nil where no entries are kept.
    func isLate(_ session: LoadSession) throws(LoadStop) -> ((String) -> String)? {
        guard step.lookback != .none,
            try session.connection.stopping({ db throws(SQLiteError) in try db.shape(of: name, in: "main") }) != nil
        else { return nil }
        let (sql, same, own) = (sql, sameKey("s"), sequence)
        return { column in "NOT EXISTS (SELECT 1 FROM \(sql) AS a WHERE \(same) AND a.\(own) = s.\(column))" }
    }

    private func execute(_ sql: String, _ session: LoadSession) throws(LoadStop) {
        try session.connection.stopping { db throws(SQLiteError) in try db.execute(sql) }
    }
}
