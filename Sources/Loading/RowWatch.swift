internal import Model
internal import SQLite

/// Notes every row of a table that is written from now on, by statements or by the table's own triggers, which no
/// count of a statement tells of.
///
/// Triggers do so, temporary ones of this connection. That is slow, and needed only where the table has triggers itself.
struct RowWatch {
    private static let written = "_strandline_written"
    private static let events = ["insert", "update", "delete"]

    private let kept: UndoTable
    private let connection: Connection

    /// Begins to watch the table whose rows `kept` keeps.
    init(_ kept: UndoTable, _ connection: Connection) throws(LoadStop) {
        self.kept = kept
        self.connection = connection
        try stop()
        try execute("CREATE TEMP TABLE \(RowWatch.written) (event TEXT NOT NULL, \(columns))")
        for event in RowWatch.events { try execute(trigger(event)) }
    }

    /// What a row is told by: its key, else its number.
    private var identity: [String] { kept.key.isEmpty ? [kept.rowNumber] : kept.key.map(quoted) }
    private var columns: String { identity.indices.map { "k\($0)" }.joined(separator: ", ") }

    private func trigger(_ event: String) -> String {
        let rows = event == "insert" ? ["new"] : event == "delete" ? ["old"] : ["old", "new"]
        // Without a number or a key a row is just counted.
        let body = rows.map { row in
            let values = identity.map { $0 == "NULL" ? "NULL" : "\(row).\($0)" }
            return "INSERT INTO \(RowWatch.written) VALUES ('\(event)', \(values.joined(separator: ", ")));"
        }
        return "CREATE TEMP TRIGGER \(RowWatch.written)_\(event) AFTER \(event) ON \(kept.table.sql) "
            + "BEGIN \(body.joined(separator: " ")) END"
    }

    /// The number of times that rows were written which are none of the kept entries, all where there are none; the next
    /// count begins anew.
    func takeStrangers(among entries: ClosedRange<Int64>?) throws(LoadStop) -> Int {
        let own =
            entries.map {
                "(\(columns)) IN (SELECT \(kept.keptKey) FROM \(kept.sql) "
                    + "WHERE entry BETWEEN \($0.lowerBound) AND \($0.upperBound)) IS NOT TRUE"
            } ?? "true"
        let count = try count(own)
        try execute("DELETE FROM temp.\(RowWatch.written)")
        return count
    }

    /// The number of times that rows were written that `condition` holds for.
    func count(_ condition: String) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in
            Int(try db.first("SELECT count(*) FROM temp.\(RowWatch.written) WHERE \(condition)")?[0].integer ?? 0)
        }
    }

    /// The number of rows that were written by a kind of statement.
    func count(event: String) throws(LoadStop) -> Int { try count("event = '\(event)'") }

    /// The number of times that rows were written whose identity is not selected by `keys`.
    func count(butOf keys: String) throws(LoadStop) -> Int { try count("(\(columns)) IN (\(keys)) IS NOT TRUE") }

    /// Watches no longer.
    func stop() throws(LoadStop) {
        for event in RowWatch.events { try execute("DROP TRIGGER IF EXISTS temp.\(RowWatch.written)_\(event)") }
        try execute("DROP TABLE IF EXISTS temp.\(RowWatch.written)")
    }

    private func execute(_ sql: String) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in try db.execute(sql) }
    }
}
