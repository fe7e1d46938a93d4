internal import Model
internal import Platform
internal import SQLite

/// Strandline's own tables in a source: which tables record their changes, and what each reader has applied.
struct CaptureRegistry {
    let connection: Connection
    /// The name under which the source's file is reached.
    let schema: String

    /// A capture as it was installed.
    struct Entry {
        var table: String
        var log: String
        /// Every change above this sequence is in the log.
        var floor: Int64
        var fingerprint: String
        var installedAt: Timestamp
    }

    private var prefix: String { quoted(schema) + "." }

    private static let tables = """
        CREATE TABLE IF NOT EXISTS main._strandline_captures (
            table_name TEXT PRIMARY KEY NOT NULL, log TEXT NOT NULL, floor INTEGER NOT NULL,
            fingerprint TEXT NOT NULL, installed_at TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS main._strandline_consumers (
            table_name TEXT NOT NULL, consumer TEXT NOT NULL, applied INTEGER NOT NULL, updated_at TEXT NOT NULL,
            PRIMARY KEY (table_name, consumer)
        ) WITHOUT ROWID;
        """

    /// All captures.
    func entries() throws(LoadStop) -> [Entry] {
        try connection.stopping { db throws(SQLiteError) in
            let isThere =
                try db.first("SELECT 1 FROM \(prefix)sqlite_schema WHERE name = '_strandline_captures'") != nil
            guard isThere else { return [] }
            return try db.rows("SELECT * FROM \(prefix)_strandline_captures ORDER BY table_name").map { row in
                Entry(
                    table: row["table_name"].string ?? "", log: row["log"].string ?? "",
                    floor: row["floor"].integer ?? 0,
                    fingerprint: row["fingerprint"].string ?? "",
                    installedAt: row["installed_at"].string.flatMap { Timestamp(rfc3339: $0) }
                        ?? Timestamp(microseconds: 0))
            }
        }
    }

    /// The capture of a table, whatever the case of its name; nil when it has none.
    func entry(_ table: String) throws(LoadStop) -> Entry? {
        try entries().first { fold($0.table) == fold(table) }
    }

    /// The sequence of the last change ever recorded.
    func lastSequence(_ entry: Entry) throws(LoadStop) -> Int64 {
        try connection.stopping { db throws(SQLiteError) in
            try db.first("SELECT seq FROM \(prefix)sqlite_sequence WHERE name = ?", [.text(entry.log)])?[0].integer
                ?? entry.floor
        }
    }

    /// Why changes of the table may be missing from its log; nil while all are recorded.
    func fault(_ entry: Entry) throws(LoadStop) -> String? {
        let definition: CaptureDefinition
        do throws(LoadStop) {
            definition = try CaptureDefinition.find(entry.table, on: connection, in: schema)
        } catch {
            guard case .failure(let failure) = error else { throw error }
            return failure.message
        }
        guard definition.fingerprint == entry.fingerprint else {
            return "the columns or unique keys of \(entry.table) have changed: run install again"
        }
        let found = try connection.stopping { db throws(SQLiteError) in
            try db.rows("SELECT name, sql FROM \(prefix)sqlite_schema WHERE type = 'trigger'").map { row in
                (row["name"].string ?? "", row["sql"].string ?? "")
            }
        }
        let triggers = Dictionary(found) { first, _ in first }
        let isWhole = definition.triggers.allSatisfy { triggers[$0.name] == $0.sql }
        return isWhole ? nil : "triggers of \(entry.table) are gone or were changed: run install again"
    }

    /// The readers of a capture.
    func consumers(_ entry: Entry) throws(LoadStop) -> [Capture.Consumer] {
        try connection.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT consumer, applied, updated_at FROM \(prefix)_strandline_consumers WHERE table_name = ? "
                    + "ORDER BY consumer", [.text(entry.table)]
            ).map { row in
                Capture.Consumer(
                    name: row[0].string ?? "", applied: row[1].integer ?? 0,
                    updatedAt: row[2].string.flatMap { Timestamp(rfc3339: $0) } ?? Timestamp(microseconds: 0))
            }
        }
    }

    /// A capture for people.
    func describe(_ entry: Entry) throws(LoadStop) -> Capture {
        let events = try connection.stopping { db throws(SQLiteError) in
            let isThere =
                try db.first(
                    "SELECT 1 FROM \(prefix)sqlite_schema WHERE name = ?", [.text(entry.log)]) != nil
            guard isThere else { return 0 }
            return Int(try db.first("SELECT count(*) FROM \(prefix)\(quoted(entry.log))")?[0].integer ?? 0)
        }
        let consumers = try counted(consumers(entry), entry, events)
        var fault = try fault(entry)
        if fault == nil { fault = missed(entry, consumers) }
        if fault == nil { fault = try hidden(entry) }
        return Capture(
            table: entry.table, log: entry.log, fault: fault,
            installedAt: entry.installedAt, events: events, lastSequence: try lastSequence(entry), consumers: consumers)
    }

    /// Which triggers of others may hide a change; nil for none. Loads go on, since mostly they do not.
    private func hidden(_ entry: Entry) throws(LoadStop) -> String? {
        let definition = try CaptureDefinition.find(entry.table, on: connection, in: schema)
        let names = try HidingTriggers(connection: connection, definition: definition).names()
        guard !names.isEmpty else { return nil }
        return
            "\(names.joined(separator: ", ")) writes \(entry.table) before the change itself, so that a row which a REPLACE "
            + "removes for another unique key's sake may go unrecorded: make it an AFTER trigger, or audit the steps"
    }

    /// The readers with what the log holds for them.
    private func counted(
        _ consumers: [Capture.Consumer], _ entry: Entry, _ events: Int
    ) throws(LoadStop) -> [Capture.Consumer] {
        guard events > 0 else { return consumers }
        let sequence = quoted(try sequenceColumn(entry))
        let count = "SELECT count(*) FROM \(prefix)\(quoted(entry.log)) WHERE \(sequence) > ? AND \(sequence) <= ?"
        var counted = consumers
        for (place, consumer) in consumers.enumerated() {
            let others = consumers.enumerated().filter { $0.offset != place }.map(\.element.applied).min() ?? .max
            let (pending, held) = try connection.stopping { db throws(SQLiteError) in
                let from = Value.integer(consumer.applied)
                return (
                    try db.first(count, [from, .integer(.max)])?[0].integer ?? 0,
                    try db.first(count, [from, .integer(others)])?[0].integer ?? 0
                )
            }
            counted[place].pending = Int(pending)
            counted[place].held = Int(held)
        }
        return counted
    }

    /// The column that numbers the changes of a log: its first.
    private func sequenceColumn(_ entry: Entry) throws(LoadStop) -> String {
        try connection.stopping { db throws(SQLiteError) in
            try db.rows("PRAGMA \(prefix)table_info(\(quoted(entry.log)))").first?.text("name") ?? "sequence"
        }
    }

    /// What the log tells of the change of a sequence, so that another change of the same number is known from it; nil
    /// where the log does not hold it any more.
    func mark(of sequence: Int64, _ definition: CaptureDefinition) throws(LoadStop) -> String? {
        let parts =
            [quoted(definition.operation), quoted(definition.recordedAt)]
            + definition.key.map { "quote(\(quoted($0)))" }
        return try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT \(parts.joined(separator: " || ' ' || ")) FROM \(prefix)\(quoted(definition.log)) "
                    + "WHERE \(quoted(definition.sequence)) = ?", [.integer(sequence)])?[0].string
        }
    }

    /// Which reader the log does not reach back to; nil for none.
    private func missed(_ entry: Entry, _ consumers: [Capture.Consumer]) -> String? {
        guard let behind = consumers.first(where: { $0.applied < entry.floor }) else { return nil }
        return
            "\(behind.name) has applied \(behind.applied), but the log of \(entry.table) begins after \(entry.floor), "
            + "since its file was put back to an earlier state or the reader was forgotten: run it once with full_refresh"
    }

    // MARK: Changing; each in a transaction of the caller's, on a connection whose `main` is the source

    /// Makes a table record its changes; leaves a capture alone that already does. A new one begins above every
    /// sequence that was ever given, so that no reader takes its events for old ones.
    func install(_ definition: CaptureDefinition, at now: Timestamp) throws(LoadStop) {
        try execute([CaptureRegistry.tables])
        let old = try entry(definition.table)
        if let old, try fault(old) == nil { return }
        try refuseNullKeys(definition)
        let last = try old.map { entry throws(LoadStop) in try lastSequence(entry) } ?? 0
        let floor = max(last, now.microseconds)
        try execute(definition.remove)
        try execute(definition.install(above: floor))
        try connection.stopping { db throws(SQLiteError) in
            // Readers of the old log have missed changes; each reads the table anew, and is then a reader again.
            try db.execute("DELETE FROM _strandline_consumers WHERE table_name = ?", [.text(definition.table)])
            try db.execute(
                "INSERT OR REPLACE INTO _strandline_captures VALUES (?, ?, ?, ?, ?)",
                [
                    .text(definition.table), .text(definition.log), .integer(floor), .text(definition.fingerprint),
                    .text(now.rfc3339),
                ])
        }
    }

    /// Refuses a table that holds a row without a key: no event could name it. SQLite allows NULL in most keys.
    private func refuseNullKeys(_ definition: CaptureDefinition) throws(LoadStop) {
        let isNull = definition.key.map { "\(quoted($0)) IS NULL" }.joined(separator: " OR ")
        let number = freeRowNumber(among: definition.columns.map(\.name))
        // Only a table with row numbers can hold such a row.
        let isPossible = definition.key.contains { name in
            definition.columns.contains { fold($0.name) == fold(name) && !$0.isRequired }
        }
        guard isPossible else { return }
        let row = try connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT \((definition.key.map(quoted) + [number].compactMap { $0 }).joined(separator: ", ")) "
                    + "FROM \(quoted(definition.table)) WHERE \(isNull) LIMIT 1")
        }
        guard let row else { return }
        let names = definition.key + [number].compactMap { $0 }
        let values = names.indices.map { "\(names[$0]) \(CursorValue(row[$0])?.display ?? "NULL")" }
        let column = definition.key.indices.first { row[$0].isNull }.map { definition.key[$0] } ?? ""
        throw .failure(
            Failure(
                .nullKey,
                "table \(definition.table) holds a row without a value for \(column), which is part of its primary key "
                    + "(\(values.joined(separator: ", "))), so no event could name it",
                hint: "give the row a key or delete it, and declare \(column) NOT NULL"))
    }

    /// Lets the log of a file that was restored begin anew above what a reader has applied: the sequences up to there
    /// have been given twice by now, so that no reader could tell which of them it has seen.
    func begin(_ entry: Entry, above floor: Int64) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            try db.execute("DELETE FROM \(quoted(entry.log))")
            try db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", [.integer(floor), .text(entry.log)])
            try db.execute(
                "UPDATE _strandline_captures SET floor = ? WHERE table_name = ?", [.integer(floor), .text(entry.table)])
        }
    }

    /// Removes a capture with its log, and Strandline's tables with the last one.
    func remove(_ entry: Entry) throws(LoadStop) {
        try execute(CaptureDefinition(table: entry.table, columns: [], key: [], others: []).remove)
        try connection.stopping { db throws(SQLiteError) in
            try db.execute("DELETE FROM _strandline_captures WHERE table_name = ?", [.text(entry.table)])
            try db.execute("DELETE FROM _strandline_consumers WHERE table_name = ?", [.text(entry.table)])
        }
        if try entries().isEmpty {
            try execute(["DROP TABLE _strandline_captures", "DROP TABLE _strandline_consumers"])
        }
    }

    /// Notes what a reader has applied, nil for one that is about to read the table itself, and removes from the log
    /// what every reader has applied.
    func advance(_ entry: Entry, _ consumer: String, to applied: Int64?, at now: Timestamp) throws(LoadStop) {
        let keep =
            applied == nil ? "DO NOTHING" : "DO UPDATE SET applied = excluded.applied, updated_at = excluded.updated_at"
        try connection.stopping { db throws(SQLiteError) in
            try db.execute(
                "INSERT INTO _strandline_consumers VALUES (?, ?, ?, ?) ON CONFLICT (table_name, consumer) \(keep)",
                [.text(entry.table), .text(consumer), .integer(applied ?? entry.floor), .text(now.rfc3339)])
        }
        if applied != nil { try trim(entry) }
    }

    /// Forgets a reader, and removes from the log what it was kept for; false when there is no such reader.
    ///
    /// A reader that is a step after all is refused at its next load where its changes are gone by then.
    func forget(_ consumer: String, of entry: Entry) throws(LoadStop) -> Bool {
        let forgotten = try connection.stopping { db throws(SQLiteError) in
            try db.run(
                "DELETE FROM _strandline_consumers WHERE table_name = ? AND consumer = ?",
                [.text(entry.table), .text(consumer)])
        }
        guard forgotten > 0 else { return false }
        try trim(entry)
        return true
    }

    /// Removes from the log what every reader has applied: all of it where nobody reads it, since who begins to reads
    /// the table first.
    private func trim(_ entry: Entry) throws(LoadStop) {
        let applied = try consumers(entry).map(\.applied).min()
        let last = try lastSequence(entry)
        let lowest = applied ?? last
        guard lowest > entry.floor else { return }
        let sequence = quoted(try sequenceColumn(entry))
        try connection.stopping { db throws(SQLiteError) in
            try db.execute("DELETE FROM \(quoted(entry.log)) WHERE \(sequence) <= ?", [.integer(lowest)])
            try db.execute(
                "UPDATE _strandline_captures SET floor = ? WHERE table_name = ?",
                [.integer(lowest), .text(entry.table)])
        }
    }

    private func execute(_ statements: [String]) throws(LoadStop) {
        for statement in statements {
            try connection.stopping { db throws(SQLiteError) in try db.execute(statement) }
        }
    }
}
