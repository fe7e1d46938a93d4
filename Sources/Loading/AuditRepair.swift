internal import Model
internal import Platform
internal import SQLite

/// Mends what an audit found, in the transaction that found it.
///
/// While both sides are read, the rows to write are laid into temporary tables; afterwards a statement for each kind of
/// row writes them.
final class AuditRepair {
    private let connection: Connection
    private let table: DestinationTable
    private let rows: AuditRows
    private let deletesExtra: Bool
    /// Whether what the destination has too much is noted though it stays.
    private let notesExtra: Bool
    private(set) var noted = AuditResult.Drift()
    private let columns: [String]
    /// The columns by which a row of the destination is found again: its number, or its key.
    private let locator: [String]
    /// The names that the locator's columns have in the temporary tables.
    private let located: [String]

    init(_ session: LoadSession, _ table: DestinationTable, _ rows: AuditRows, deletesExtra: Bool) throws(LoadStop) {
        connection = session.connection
        self.table = table
        self.rows = rows
        self.deletesExtra = deletesExtra
        notesExtra = session.watch != nil
        columns = rows.pairs.map(\.destination)
        locator = rows.rowNumber.map { [$0] } ?? rows.identity.map { rows.pairs[$0].destination }
        let columns = columns
        located = locator.indices.map { freeName("strandline_place_\($0)", among: columns) }
        let names = columns.map(quoted).joined(separator: ", ")
        let place = zip(locator, located).map { "\(AuditRepair.name($0.0, rows)) AS \(quoted($0.1))" }
            .joined(separator: ", ")
        for (name, selected) in [
            (AuditRepair.missing, names), (AuditRepair.different, "\(place), \(names)"), (AuditRepair.extra, place),
        ] {
            try connection.stopping { db throws(SQLiteError) in
                try db.execute("DROP TABLE IF EXISTS temp.\(name)")
                try db.execute("CREATE TEMP TABLE \(name) AS SELECT \(selected) FROM \(table.sql) WHERE 0")
            }
        }
    }

    private static let missing = "_strandline_missing"
    private static let different = "_strandline_different"
    private static let extra = "_strandline_extra"

    /// A row's number goes by a name that must not be quoted, since it is no column's.
    private static func name(_ column: String, _ rows: AuditRows) -> String {
        column == rows.rowNumber ? column : quoted(column)
    }

    // MARK: Noting

    /// Notes a row of the source that the destination lacks.
    func insert(from source: RowReader) throws(LoadStop) {
        noted.missing += 1
        try note(AuditRepair.missing, columns.indices.map { source.value($0) })
    }

    /// Notes a row of the source whose row in the destination differs.
    func update(from source: RowReader, at destination: RowReader) throws(LoadStop) {
        noted.different += 1
        try note(AuditRepair.different, place(destination) + columns.indices.map { source.value($0) })
    }

    /// Notes a row of the destination that the source lacks.
    func delete(_ destination: RowReader) throws(LoadStop) {
        guard deletesExtra || notesExtra else { return }
        if deletesExtra { noted.extra += 1 }
        try note(AuditRepair.extra, place(destination))
    }

    private func place(_ destination: RowReader) -> [Value] {
        rows.rowNumber == nil
            ? rows.identity.map { destination.value($0) } : [.integer(destination.integer(columns.count))]
    }

    private func note(_ name: String, _ values: [Value]) throws(LoadStop) {
        let marks = values.map { _ in "?" }.joined(separator: ", ")
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run("INSERT INTO temp.\(name) VALUES (\(marks))", values)
        }
    }

    /// The key of the first missing row for which `condition` holds on what is staged for it, behind FROM as `s`.
    func firstMissing(in staged: String, where condition: String) throws(LoadStop) -> String? {
        let keys = rows.identity.map { rows.pairs[$0].destination }
        let same = keys.map { "s.\(quoted($0)) = m.\(quoted($0))" }.joined(separator: " AND ")
        let columns = keys.map { "m.\(quoted($0))" }.joined(separator: ", ")
        let row = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT \(columns) FROM temp.\(AuditRepair.missing) AS m JOIN \(staged) AS s ON \(same) "
                    + "WHERE \(condition) LIMIT 1")
        }
        return row.map { row in
            keys.indices.map { "\(keys[$0]) \(CursorValue(row[$0])?.display ?? "NULL")" }.joined(separator: ", ")
        }
    }

    // MARK: Writing

    /// Writes what was noted; fails, and so changes nothing, when the figures do not add up.
    func write(_ session: LoadSession, at now: Timestamp) throws(LoadStop) -> RowCounts {
        let deletes = DeleteWrite(table)
        try ShrinkGuard(session.request).check(removed: noted.extra, of: try deletes.rowsThere(session))
        var counts = RowCounts(read: noted.missing + noted.different)
        // What is too much goes first: another unique column may hold what a right row needs.
        if noted.extra > 0 { counts.deleted = try deletes.run(where: isExtra, at: now, session) }
        let staged = [AuditRepair.different, AuditRepair.missing].map { "temp." + $0 }
        (counts.updated, counts.inserted) = try session.undoable(staged) { () throws(LoadStop) in
            let updated = noted.different > 0 ? try run(update, session) : 0
            return (updated, noted.missing > 0 ? try run(insert, session) : 0)
        }
        guard counts.deleted == noted.extra, counts.updated == noted.different, counts.inserted == noted.missing else {
            throw .failure(
                Failure(
                    .verificationFailed,
                    "\(noted.missing) rows were to be inserted, \(noted.different) updated and \(noted.extra) deleted, but "
                        + "it came to \(counts.inserted), \(counts.updated) and \(counts.deleted)\(Failure.unchanged)",
                    hint: "look for a trigger on the destination that drops or adds rows of the same table"))
        }
        return counts
    }

    private func run(_ sql: String, _ session: LoadSession) throws(LoadStop) -> Int {
        session.trail.note(sql)
        return try connection.stopping { db throws(SQLiteError) in try db.run(sql) }
    }

    private var insert: String {
        let names = columns.map(quoted).joined(separator: ", ")
        return "\(table.insert) (\(names)) SELECT \(names) FROM temp.\(AuditRepair.missing)"
    }

    private var update: String {
        let unmark = [DeleteWrite(table).unmark].compactMap { $0 }
        let changes = (columns.map { "\(quoted($0)) = strandline_new.\(quoted($0))" } + unmark).joined(separator: ", ")
        let same = zip(locator, located).map { column, place in
            "strandline_old.\(AuditRepair.name(column, rows)) IS strandline_new.\(quoted(place)) COLLATE BINARY"
        }.joined(separator: " AND ")
        return "UPDATE OR ROLLBACK \(table.sql) AS strandline_old SET \(changes) "
            + "FROM temp.\(AuditRepair.different) AS strandline_new WHERE \(same)"
    }

    /// The condition that a row, called `d`, is one of those that were noted since the source lacks them.
    var isExtra: String {
        let names = locator.map { "d." + AuditRepair.name($0, rows) }.joined(separator: ", ")
        let places = located.map(quoted).joined(separator: ", ")
        return "(\(names)) IN (SELECT \(places) FROM temp.\(AuditRepair.extra))"
    }
}
