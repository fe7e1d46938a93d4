internal import Model
internal import Platform
internal import SQLite

/// The rows of a destination's steps that failed a check and were set aside, with the reasons.
///
/// A row is kept once: by its key, where that names one row, else by all of its values. One that comes again is not kept
/// twice, and one of which a later version is loaded is marked as resolved.
struct Quarantine {
    static let table = "_strandline_quarantine"

    private let session: LoadSession
    /// The time of the commit.
    private let now: Timestamp
    private var request: LoadRequest { session.request }
    private var owner: [Value] { [.text(request.pipeline), .text(request.step.name)] }

    init(_ session: LoadSession, at now: Timestamp) {
        self.session = session
        self.now = now
    }

    /// What one commit has set aside so far.
    struct Book {
        /// How many rows of each identity, with their values.
        var kept: [String: (row: String, copies: Int)] = [:]
        /// Bytes of all of them.
        var bytes = 0
    }

    /// Whether rows of the step wait to be resolved.
    func hasWaiting() throws(LoadStop) -> Bool {
        try session.value(
            "SELECT 1 FROM main._strandline_quarantine WHERE pipeline = ? AND step = ? AND resolved_at IS NULL LIMIT 1",
            owner) != nil
    }

    /// Moves the staged rows that meet `failing` out of the stage; answers how many.
    func setAside(
        _ staged: CheckedRows, _ check: Check, _ failing: DeltaStatement.Text, _ book: inout Book
    ) throws(LoadStop) -> Int {
        let number = quoted(staged.rowNumber)
        let find = CheckStatement(rows: staged, destination: "").find(failing)
        session.trail.note(find)
        let numbers = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows(find.sql, find.parameters).map { $0[0] }
        }
        guard numbers.count <= Limits.quarantinedRows else { throw .failure(full(check)) }
        let columns = staged.columns.map(quoted).joined(separator: ", ")
        for place in numbers {
            let row = try session.connection.stopping { db throws(SQLiteError) in
                try db.first("SELECT \(columns) FROM \(staged.sql) WHERE \(number) = ?", [place])
            }
            guard let row else { continue }
            try keep(Entry(row.values, staged), check, &book)
            try session.connection.stopping { db throws(SQLiteError) in
                _ = try db.run("DELETE FROM \(staged.sql) WHERE \(number) = ?", [place])
            }
        }
        return numbers.count
    }

    /// Finds a staged row by its key, for a check that asks for each row of the destination whether it is replaced.
    func index(_ staged: CheckedRows) throws(LoadStop) {
        guard !staged.key.isEmpty else { return }
        let key = staged.key.map(quoted).joined(separator: ", ")
        let table = staged.sql.split(separator: ".").last.map(String.init) ?? staged.sql
        try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("CREATE INDEX IF NOT EXISTS temp._strandline_staged_key ON \(table) (\(key))")
        }
    }

    private func keep(_ entry: Entry, _ check: Check, _ book: inout Book) throws(LoadStop) {
        // Two rows may have one key and other values: each is kept.
        let isOther = book.kept[entry.identity].map { $0.row != entry.row } ?? false
        let identity = isOther ? entry.row : entry.identity
        let copies = (book.kept[identity]?.copies ?? 0) + 1
        book.kept[identity] = (entry.row, copies)
        book.bytes += entry.row.utf8.count
        guard book.bytes <= Limits.quarantinedBytes else { throw .failure(full(check)) }
        try session.connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                """
                INSERT INTO main._strandline_quarantine AS q (pipeline, step, identity, destination, row_key, row_values,
                    copies, check_name, reason, run, first_at, last_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)
                ON CONFLICT (pipeline, step, identity) DO UPDATE SET
                    -- An old version that an append reads again was followed by another already.
                    resolved_at = iif(?12 AND row_values = excluded.row_values, resolved_at, NULL),
                    resolution = iif(?12 AND row_values = excluded.row_values, resolution, NULL),
                    copies = max(iif(resolved_at IS NULL AND row_values = excluded.row_values, copies, 1), excluded.copies),
                    destination = excluded.destination, row_key = excluded.row_key, row_values = excluded.row_values,
                    check_name = excluded.check_name, reason = excluded.reason, run = excluded.run,
                    last_at = excluded.last_at
                """,
                owner + [
                    .text(identity), .text(request.step.destination.table), Value(entry.key), .text(entry.row),
                    Value(copies), .text(check.name), .text(check.reason), .text(request.run), .text(now.rfc3339),
                    Value(entry.isVersion),
                ])
        }
    }

    // MARK: Resolving

    /// Marks as resolved what waits and is loaded now, which is still staged; of a rebuild, also what is gone from the
    /// source. What this commit has set aside waits on.
    func resolve(_ staged: CheckedRows, _ book: Book, isWhole: Bool) throws(LoadStop) {
        let waiting = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT id, row_key, identity FROM main._strandline_quarantine "
                    + "WHERE pipeline = ? AND step = ? AND resolved_at IS NULL", owner)
        }.filter { book.kept[$0[2].string ?? ""] == nil }
        guard !waiting.isEmpty else { return }
        let loaded = staged.key.isEmpty ? [] : try stillStaged(waiting, staged)
        for id in loaded { try mark(id, "loaded") }
        guard isWhole else { return }
        let found = Set(loaded)
        for row in waiting where !found.contains(row[0]) { try mark(row[0], "gone") }
    }

    private func stillStaged(_ waiting: [Row], _ staged: CheckedRows) throws(LoadStop) -> [Value] {
        let columns = staged.key.indices.map { "k\($0)" }
        let held = "temp._strandline_held"
        let same = zip(columns, staged.key).map { "h.\($0) = s.\(quoted($1)) COLLATE BINARY" }
        return try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(held)")
            try db.execute("CREATE TEMP TABLE _strandline_held (id, \(columns.joined(separator: ", ")))")
            let marks = ["?"] + columns.map { _ in "?" }
            for row in waiting {
                let key = KeyText.values(row[1].string ?? "[]")
                guard key.count == columns.count else { continue }
                _ = try db.run(
                    "INSERT INTO \(held) VALUES (\(marks.joined(separator: ", ")))", [row[0]] + key.map(\.value))
            }
            let found = try db.rows(
                "SELECT DISTINCT h.id FROM \(held) AS h JOIN \(staged.sql) AS s ON \(same.joined(separator: " AND "))")
            try db.execute("DROP TABLE \(held)")
            return found.map { $0[0] }
        }
    }

    private func mark(_ id: Value, _ resolution: String) throws(LoadStop) {
        try session.connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                "UPDATE main._strandline_quarantine SET resolved_at = ?, resolution = ?, resolved_run = ? WHERE id = ?",
                [.text(now.rfc3339), .text(resolution), .text(request.run), id])
        }
    }

    /// Lets those wait again that a run resolved which is rolled back.
    static func reopen(run: String, step: String, _ connection: Connection) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                "UPDATE main._strandline_quarantine SET resolved_at = NULL, resolution = NULL, resolved_run = NULL "
                    + "WHERE resolved_run = ? AND step = ?", [.text(run), .text(step)])
        }
    }

    // MARK: Bounds

    /// Fails when more rows wait than are kept for a step, and trims the oldest of those that are resolved; answers how
    /// many wait.
    func settleBounds() throws(LoadStop) -> Int {
        let waiting = try session.integer(
            "SELECT count(*) FROM main._strandline_quarantine WHERE pipeline = ? AND step = ? AND resolved_at IS NULL",
            owner)
        guard waiting <= Limits.quarantinedRows else { throw .failure(full(nil)) }
        try session.connection.stopping { db throws(SQLiteError) in
            _ = try db.run(
                """
                DELETE FROM main._strandline_quarantine WHERE id IN (
                    SELECT id FROM main._strandline_quarantine WHERE pipeline = ? AND step = ? AND resolved_at IS NOT NULL
                    ORDER BY resolved_at DESC, id DESC LIMIT -1 OFFSET ?)
                """, owner + [Value(Limits.quarantinedRows)])
        }
        return waiting
    }

    private func full(_ check: Check?) -> Failure {
        Failure(
            .quarantineFull,
            "more rows failed \(check.map { "check \($0.name)" } ?? "the checks") than are set aside for a step: "
                + "\(Limits.quarantinedRows) rows may wait, and a commit may add \(Limits.quarantinedBytes >> 20) MiB"
                + Failure.unchanged,
            hint: "mend the rows in the source; or delete rows of \(Quarantine.table) that nobody waits for",
            field: "checks")
    }

    /// A row as it is kept.
    private struct Entry {
        /// What tells it from other rows.
        let identity: String
        /// Its key as a JSON array; nil where it has none.
        let key: String?
        /// Its columns and values as a JSON object, byte for byte.
        let row: String
        /// Whether it is one of several versions of a row that are all kept.
        let isVersion: Bool

        init(_ values: [Value], _ staged: CheckedRows) {
            func json(_ value: Value?) -> JSONValue { value.flatMap { CursorValue($0)?.json } ?? .null }
            func value(_ name: String) -> Value? { staged.columns.firstIndex(of: name).map { values[$0] } }
            row = JSONValue.object(zip(staged.columns, values).map { JSONValue.Member($0, json($1)) }).text()
            let parts = staged.key.map { value($0) ?? .null }
            guard !parts.isEmpty, !parts.contains(.null) else {
                identity = row
                key = nil
                isVersion = false
                return
            }
            key = KeyText.text(parts.compactMap { CursorValue($0) })
            isVersion = staged.keepsVersions
            identity = isVersion ? row : KeyText.text(parts.compactMap { CursorValue($0) })
        }
    }
}

extension Check {
    /// Why a row is set aside by it.
    fileprivate var reason: String {
        let columns = columns.joined(separator: ", ")
        switch rule {
        case .notNull: return "a NULL in \(columns)"
        case .unique: return "the same \(columns) as another row"
        case .acceptedValues: return "a value of \(columns) that is not accepted"
        case .range(_, let min, let max):
            let bounds = [min.map { "below \($0.display)" }, max.map { "above \($0.display)" }].compactMap { $0 }
            return "a \(columns) \(bounds.joined(separator: " or ")), or of another type"
        case .rowCount, .rowCountDelta, .freshness, .sql: return type.rawValue
        }
    }
}
