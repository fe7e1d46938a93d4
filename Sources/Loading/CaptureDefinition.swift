internal import Model
internal import SQLite

/// The tables and triggers that make a table record its own changes, as SQL.
///
/// An insert is recorded as INSERT, an update as UPDATE, a delete as DELETE, a changed key as DELETE of the old and
/// INSERT of the new. Other triggers may have changed the row again, and recorded that, before these are told of the
/// first change; so what is recorded is always the row that the table holds under the key at that moment. REPLACE removes rows without a trigger: one of the same key is replaced by the INSERT's own event;
/// those in the way by another unique key are noted before the write, and recorded as deleted when they are gone after
/// it. The log's columns have no types, so that every value stays as it is.
struct CaptureDefinition {
    let table: String
    let columns: [ColumnShape]
    let key: [String]
    /// The table's unique keys by which a REPLACE may remove a row of another key.
    let others: [UniqueIndex]

    /// The columns of a unique index with the collations that it compares them by, and with the defaults, as SQL, that a
    /// REPLACE puts in the place of a NULL.
    struct UniqueIndex: Equatable {
        var columns: [(name: String, collation: String, fallback: String?)]

        static func == (left: UniqueIndex, right: UniqueIndex) -> Bool {
            left.columns.elementsEqual(right.columns) { $0 == $1 }
        }
    }

    /// The log's name.
    var log: String { "_strandline_changes_" + table }
    private var replaced: String { "_strandline_replaced_" + table }
    private var names: [String] { columns.map(\.name) }
    /// The log's own columns, by names that no column of the table has.
    var sequence: String { freeName("sequence", among: names) }
    var operation: String { freeName("operation", among: names) }
    var recordedAt: String { freeName("recorded_at", among: names) }

    /// What the log depends on; another text means that the triggers are out of date.
    var fingerprint: String {
        let shape = columns.map { "\($0.name)\u{1F}\($0.type)\u{1F}\($0.keyPosition)\u{1F}\($0.isGenerated)" }
        let unique = others.map { index in
            index.columns.map { $0.name + "\u{1F}" + $0.collation }.joined(separator: ",")
        }
        return (shape + ["|"] + unique).joined(separator: "\u{1E}")
    }

    /// The statements that make the log and the triggers, the first sequence being above `floor`.
    func install(above floor: Int64) -> [String] {
        let keyed = "(\(keyList), PRIMARY KEY (\(keyList)))"
        return [
            """
            CREATE TABLE \(quoted(log)) (\(quoted(sequence)) INTEGER PRIMARY KEY AUTOINCREMENT, \
            \(quoted(operation)) TEXT NOT NULL, \(quoted(recordedAt)) TEXT NOT NULL, \(list(names)))
            """,
            "INSERT INTO sqlite_sequence (name, seq) VALUES (\(JSONPath.literal(log)), \(floor))",
        ] + (others.isEmpty ? [] : ["CREATE TABLE \(quoted(replaced)) \(keyed)"]) + triggers.map(\.sql)
    }

    /// The statements that remove all of it.
    var remove: [String] {
        CaptureDefinition.triggerNames(table).map { "DROP TRIGGER IF EXISTS \(quoted($0))" }
            + [log, replaced].map { "DROP TABLE IF EXISTS \(quoted($0))" }
    }

    // MARK: Triggers

    private static let kinds = ["before_insert", "before_update", "insert", "update", "delete"]

    private static func triggerNames(_ table: String) -> [String] {
        kinds.map { "_strandline_capture_\(table)_\($0)" }
    }

    /// The triggers, by name.
    var triggers: [(name: String, sql: String)] {
        var bodies = [
            ("insert", "AFTER INSERT", victims + [present("'INSERT'", "new"), absent("new")]),
            (
                "update", "AFTER UPDATE",
                victims + [
                    present("'UPDATE'", "old", where: isOtherKey), absent("old", where: isOtherKey),
                    present("CASE WHEN \(isOtherKey) THEN 'INSERT' ELSE 'UPDATE' END", "new"), absent("new"),
                ]
            ),
            ("delete", "AFTER DELETE", [present("'UPDATE'", "old"), absent("old")]),
        ]
        if !others.isEmpty {
            bodies.append(("before_insert", "BEFORE INSERT", noteRivals(besides: nil)))
            bodies.append(("before_update", "BEFORE UPDATE", noteRivals(besides: isSame("r", "old"))))
        }
        return bodies.map { kind, event, statements in
            let name = "_strandline_capture_\(table)_\(kind)"
            let body = statements.map { $0 + "; " }.joined()
            return (name, "CREATE TRIGGER \(quoted(name)) \(event) ON \(quoted(table)) FOR EACH ROW BEGIN \(body)END")
        }
    }

    /// Records the row that the table holds under the key of `old` or `new`, if there is one.
    private func present(_ operation: String, _ row: String, where condition: String? = nil) -> String {
        let values = names.map { "r.\(quoted($0))" }.joined(separator: ", ")
        return "INSERT INTO \(quoted(log)) (\(logged(names))) SELECT \(operation), \(now), \(values) "
            + "FROM \(quoted(table)) AS r WHERE \(isSame("r", row))" + (condition.map { " AND (\($0))" } ?? "")
    }

    /// Records `old` or `new` as deleted, if the table holds no row under its key.
    private func absent(_ row: String, where condition: String? = nil) -> String {
        let values = names.map { "\(row).\(quoted($0))" }.joined(separator: ", ")
        return "INSERT INTO \(quoted(log)) (\(logged(names))) SELECT 'DELETE', \(now), \(values) WHERE \(isGone(row))"
            + (condition.map { " AND (\($0))" } ?? "")
    }

    /// Notes the keys of the rows that a REPLACE would remove for another unique key's sake.
    private func noteRivals(besides same: String?) -> [String] {
        let conditions = others.map { index in
            index.columns.map { column in
                let new = "new." + quoted(column.name)
                let value = column.fallback.map { "ifnull(\(new), (\($0)))" } ?? new
                return "r.\(quoted(column.name)) = \(value) COLLATE \(quoted(column.collation))"
            }.joined(separator: " AND ")
        }
        let rival = conditions.map { "(\($0))" }.joined(separator: " OR ")
        // A write within another trigger comes upon what the outer one has noted.
        return victims + [
            "INSERT OR IGNORE INTO \(quoted(replaced)) SELECT \(key.map { "r." + quoted($0) }.joined(separator: ", ")) "
                + "FROM \(quoted(table)) AS r WHERE (\(rival))" + (same.map { " AND NOT (\($0))" } ?? "")
        ]
    }

    /// Records those of the noted rows that are gone as deleted.
    private var victims: [String] {
        guard !others.isEmpty else { return [] }
        let keys = key.map { "v." + quoted($0) }.joined(separator: ", ")
        return [
            "INSERT INTO \(quoted(log)) (\(logged(key))) SELECT 'DELETE', \(now), \(keys) FROM \(quoted(replaced)) AS v "
                + "WHERE \(isGone("v"))",
            "DELETE FROM \(quoted(replaced))",
        ]
    }

    /// Keys are told apart byte by byte, whatever collation they are declared with; comparing by that one first lets
    /// the key's index find the row.
    private func isSame(_ left: String, _ right: String) -> String {
        key.map { name in
            let pair = "\(left).\(quoted(name)) IS \(right).\(quoted(name))"
            return "\(pair) AND \(pair) COLLATE BINARY"
        }.joined(separator: " AND ")
    }

    private func isGone(_ row: String) -> String {
        "NOT EXISTS (SELECT 1 FROM \(quoted(table)) AS r WHERE \(isSame("r", row)))"
    }

    private var isOtherKey: String {
        key.map { "old.\(quoted($0)) IS NOT new.\(quoted($0)) COLLATE BINARY" }.joined(separator: " OR ")
    }

    private var now: String { "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')" }
    private var keyList: String { list(key) }
    private func list(_ names: [String]) -> String { names.map(quoted).joined(separator: ", ") }
    private func logged(_ names: [String]) -> String { list([operation, recordedAt] + names) }
}

extension CaptureDefinition {
    /// The definition for a table of the database `schema`; fails where its changes cannot be recorded.
    static func find(_ name: String, on connection: Connection, in schema: String) throws(LoadStop) -> CaptureDefinition
    {
        let found = try connection.stopping { db throws(SQLiteError) in try db.shape(of: name, in: schema) }
        guard let shape = found else {
            throw .failure(Failure(.unknownTable, "there is no table \(name)", hint: "correct the table's name"))
        }
        guard shape.kind == .table, !LoadStep.Destination(connection: "", table: shape.name).isReserved else {
            throw .failure(
                Failure(
                    .notATable, "\(shape.name) is no ordinary table, so nothing can record its changes",
                    hint: "capture the tables behind it"))
        }
        let key = shape.declaredKey.map(\.name)
        guard !key.isEmpty else {
            throw .failure(
                Failure(
                    .missingKeyConstraint,
                    "table \(shape.name) declares no primary key, so its events would name no row",
                    hint: "give it a primary key, or use strategy: snapshot_diff or full_refresh"))
        }
        let others = try uniqueIndexes(shape, key, connection, schema)
        return CaptureDefinition(table: shape.name, columns: shape.columns, key: key, others: others)
    }

    /// The unique indexes besides the key, and the key's own where it takes keys for one that differ in their bytes.
    private static func uniqueIndexes(
        _ shape: TableShape, _ key: [String], _ connection: Connection, _ schema: String
    ) throws(LoadStop) -> [UniqueIndex] {
        let rows = try connection.stopping { db throws(SQLiteError) in
            try db.rows("PRAGMA \(quoted(schema)).index_list(\(quoted(shape.name)))")
        }
        let fallbacks = try fallbacks(shape, connection, schema)
        var found: [UniqueIndex] = []
        for row in rows where row["unique"] == .integer(1) {
            let name = row["name"].string ?? ""
            let parts = try connection.stopping { db throws(SQLiteError) in
                try db.rows("PRAGMA \(quoted(schema)).index_xinfo(\(quoted(name)))").filter { $0["key"] == .integer(1) }
            }
            var index = UniqueIndex(columns: [])
            for part in parts {
                guard let column = part["name"].string else {
                    throw .failure(
                        Failure(
                            .unsupported,
                            "table \(shape.name) has the unique index \(name) over an expression; a REPLACE that removes a "
                                + "row because of it would go unseen",
                            hint:
                                "make the index one over columns, such as a generated one, or use strategy: snapshot_diff"
                        ))
                }
                index.columns.append((column, part["coll"].string ?? "BINARY", fallbacks[fold(column)]))
            }
            let isKey = Set(index.columns.map { fold($0.name) }) == Set(key.map(fold))
            let isBinary = index.columns.allSatisfy { fold($0.collation) == "binary" }
            if !(isKey && isBinary) { found.append(index) }
        }
        return found
    }

    /// The defaults, as SQL, of the columns that may not be NULL, by their folded names.
    private static func fallbacks(
        _ shape: TableShape, _ connection: Connection, _ schema: String
    ) throws(LoadStop) -> [String: String] {
        try connection.stopping { db throws(SQLiteError) in
            var found: [String: String] = [:]
            for row in try db.rows("PRAGMA \(quoted(schema)).table_xinfo(\(quoted(shape.name)))")
            where try row.bool("notnull") {
                guard let text = row["dflt_value"].string else { continue }
                found[fold(try row.text("name"))] = fallback(text)
            }
            return found
        }
    }

    /// A default as it may stand anywhere: a bare or quoted word stands for its text there, and for a column elsewhere.
    private static func fallback(_ text: String) -> String {
        let inner = text.dropFirst().dropLast()
        if text.utf8.count > 1, text.first == "\"", text.last == "\"" {
            let plain = inner.split(separator: "\"\"", omittingEmptySubsequences: false)
            return plain.contains { $0.contains("\"") } ? text : JSONPath.literal(plain.joined(separator: "\""))
        }
        let isWord = text.utf8.allSatisfy { byte in
            byte == 95 || byte >= 128 || (byte | 32 >= 97 && byte | 32 <= 122) || (byte >= 48 && byte <= 57)
        }
        let startsAsNumber = text.utf8.first.map { $0 >= 48 && $0 <= 57 } ?? true
        let known = ["true", "false", "current_time", "current_date", "current_timestamp"]
        return isWord && !startsAsNumber && !known.contains(fold(text)) ? JSONPath.literal(text) : text
    }
}
