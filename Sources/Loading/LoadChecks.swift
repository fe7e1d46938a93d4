internal import Model
internal import Platform
internal import SQLite

/// Makes the checks of a load's step, and keeps what became of them in the commit in hand.
///
/// Rows are checked as they are staged, before any is written: those that are to be set aside leave the stage. What
/// asks for the destination as it will be is checked after the write. Belongs to the worker's thread.
final class LoadChecks {
    let checks: [Check]
    /// The time of the commit.
    private var now = Timestamp(microseconds: 0)
    /// What became of the checks so far.
    private(set) var results: [CheckResult] = []
    /// Rows of the commit that were set aside.
    private(set) var setAside = 0
    /// Rows set aside that wait for a person, those of earlier runs included; nil where none was set aside now.
    private var waiting: Int?
    /// The rows of the commit, for what is checked after the write.
    private var rows: CheckedRows?
    /// The rows of a load that is cut, those of earlier commits included, for what is asked of all of them at the end.
    private var whole: CheckedRows?
    /// Whether the load is cut into commits.
    var isCut = false
    /// Whether the rows of the whole load were counted already.
    private var isCounted = false

    init(_ step: LoadStep) {
        checks = step.checks
    }

    /// Begins a commit.
    func begin(at now: Timestamp) {
        self.now = now
        results = []
        setAside = 0
        waiting = nil
        rows = nil
    }

    /// What a person should know of checks that failed while the load went on.
    var warnings: [LoadWarning] {
        var warnings = results.filter { !$0.isPassed && $0.severity == .warn }.map {
            LoadWarning(code: "check_failed", message: "check \($0.name): \($0.message)")
        }
        if let waiting {
            warnings.append(
                LoadWarning(
                    code: "rows_quarantined",
                    message: "\(setAside) rows failed a check and were set aside in \(Quarantine.table), where "
                        + "\(waiting) rows of this step wait now"))
        }
        return warnings
    }

    // MARK: Before the write

    /// Checks what was staged, sets rows aside, and fails where an error was found; answers how many rows stay.
    ///
    /// `isUsedUp` when the stage will not hold the rows any more after the write.
    func examine(
        _ staged: CheckedRows, of count: Int, into table: DestinationTable, isUsedUp: Bool, _ session: LoadSession
    ) throws(LoadStop) -> Int {
        guard checks.contains(where: \.readsRows) else { return count }
        session.trail.enter(.check)
        try refuseUnknownColumns(staged)
        let statement = CheckStatement(rows: staged, destination: table.sql)
        let moved = try quarantine(staged, statement, session)
        try checkValues(staged, statement, session)
        try failOnError()
        if looksAfterwards { rows = isUsedUp ? try copy(staged, session) : staged }
        if isCut, asksForDelta { whole = try gather(staged, session) }
        return count - moved
    }

    /// Whether checks need the staged rows after the write.
    var looksAfterwards: Bool { checks.contains { $0.type == .unique || $0.type == .sql } }

    /// Refuses checks of columns that are not loaded.
    func refuseUnknownColumns(_ staged: CheckedRows) throws(LoadStop) {
        for check in checks where check.type != .freshness {
            for column in check.columns where staged.column(column) == nil {
                throw .failure(
                    Failure(
                        .unknownColumn, "check \(check.name): no column \(column) is loaded",
                        hint: "the columns are " + staged.columns.joined(separator: ", "), field: "checks"))
            }
        }
    }

    /// Sets the rows aside that fail a check which says so; answers how many.
    private func quarantine(
        _ staged: CheckedRows, _ statement: CheckStatement, _ session: LoadSession
    ) throws(LoadStop) -> Int {
        let own = checks.filter { $0.onFail == .quarantine }
        let ledger = Quarantine(session, at: now)
        let hasWork = try own.isEmpty ? ledger.hasWaiting() : true
        guard hasWork else { return 0 }
        var moved = 0
        var book = Quarantine.Book()
        for check in own {
            guard let failing = statement.setAside(check.rule, isRebuild: session.request.isRebuild) else { continue }
            if check.type == .unique, !session.request.isRebuild { try ledger.index(staged) }
            let samples = try samples(staged, check, failing, session)
            let count = try ledger.setAside(staged, check, failing, &book)
            moved += count
            results.append(
                count == 0
                    ? CheckResult(check, message: "no row failed")
                    : CheckResult(
                        check, isPassed: false, count: count, samples: samples,
                        message: "\(LoadChecks.words(count, check)); set aside in \(Quarantine.table)"))
        }
        if moved > 0 { try excuseNullKeys(staged, session) }
        if staged.isNewest { try ledger.resolve(staged, book, isWhole: session.request.isRebuild) }
        setAside += moved
        if setAside > 0 { waiting = try ledger.settleBounds() }
        return moved
    }

    /// A row that was set aside needs no key any more.
    private func excuseNullKeys(_ staged: CheckedRows, _ session: LoadSession) throws(LoadStop) {
        guard !staged.key.isEmpty, session.request.step.setsNullKeysAside else { return }
        let isNull = staged.key.map { "\(quoted($0)) IS NULL" }.joined(separator: " OR ")
        session.gate.nullKeysLeft = try session.integer("SELECT count(*) FROM \(staged.sql) WHERE \(isNull)")
    }

    /// Makes the checks on values in one pass over the rows.
    private func checkValues(
        _ staged: CheckedRows, _ statement: CheckStatement, _ session: LoadSession
    ) throws(LoadStop) {
        guard let (pass, found) = valuePass(statement) else { return }
        session.trail.note(pass)
        let row = try session.connection.stopping { db throws(SQLiteError) in try db.first(pass.sql, pass.parameters) }
        for (place, item) in found.enumerated() {
            try note(item.check, Int(row?[place].integer ?? 0), staged, item.failing, session)
        }
    }

    /// The one pass, with the checks that it makes in the order of its columns; nil where there are none.
    func valuePass(
        _ statement: CheckStatement
    ) -> (pass: DeltaStatement.Text, found: [(check: Check, failing: DeltaStatement.Text)])? {
        let found = checks.filter { $0.onFail == .fail }.compactMap { check in
            statement.failing(check.rule).map { (check: check, failing: $0) }
        }
        guard !found.isEmpty else { return nil }
        let counts = found.map { "count(CASE WHEN \($0.failing.sql) THEN 1 END)" }.joined(separator: ", ")
        let pass = DeltaStatement.Text(
            sql: "SELECT \(counts) FROM \(statement.rows.sql)", parameters: found.flatMap(\.failing.parameters),
            meanings: found.flatMap(\.failing.meanings))
        return (pass, found)
    }

    // MARK: After the write

    /// Makes the checks that ask for the destination as it is now; fails where an error was found.
    ///
    /// A query is asked once, after the load's last commit: of half a load it would tell nothing.
    func examineWritten(_ table: DestinationTable, isLast: Bool = true, _ session: LoadSession) throws(LoadStop) {
        guard let rows else { return }
        session.trail.enter(.check)
        let statement = CheckStatement(rows: rows, destination: table.sql)
        for check in checks {
            switch check.rule {
            case .unique(let columns):
                let shared = statement.shared(columns)
                let counting = statement.count(shared)
                session.trail.note(counting)
                let count = try session.integer(counting.sql, counting.parameters)
                if check.onFail == .fail {
                    try note(check, count, rows, shared, session)
                } else if count > 0 {
                    // Setting rows aside left older versions of them in the destination, which the others clash with.
                    results.merge([
                        CheckResult(
                            check, isPassed: false, count: count, samples: try samples(rows, check, shared, session),
                            message: "\(LoadChecks.words(count, check)) even after rows were set aside")
                    ])
                    throw .failure(failure([check.name]))
                }
            case .sql(let query, let expected) where isLast:
                results.append(
                    try SQLCheck(session: session, rows: whole ?? rows, table: table).result(check, query, expected))
            default: break
            }
        }
        self.rows = nil
        try failOnError()
    }

    // MARK: The whole load

    /// Counts the rows of the whole load, once; fails where an error was found.
    func count(_ read: Int, _ session: LoadSession) throws(LoadStop) {
        guard !isCounted else { return }
        isCounted = true
        for check in checks {
            switch check.rule {
            case .rowCount(let min, let max):
                let isPassed = read >= min ?? 0 && read <= max ?? .max
                let bounds = [min.map { "at least \($0)" }, max.map { "at most \($0)" }].compactMap { $0 }
                let message = "\(read) rows were read" + (isPassed ? "" : ", not \(bounds.joined(separator: " and "))")
                results.append(CheckResult(check, isPassed: isPassed, count: isPassed ? 0 : 1, message: message))
            case .rowCountDelta(let low, let high, let over):
                results.append(try compare(read, check, low, high, over, session))
            default: break
            }
        }
        try failOnError()
    }

    private func compare(
        _ read: Int, _ check: Check, _ low: Double?, _ high: Double?, _ over: Int, _ session: LoadSession
    ) throws(LoadStop) -> CheckResult {
        let request = session.request
        let loads = try session.ledger.rowsRead(request.pipeline, request.step.name, butOf: request.run, last: over)
        guard loads.count == over else {
            return CheckResult(
                check, message: "not enough history: \(loads.count) of \(over) loads have finished before")
        }
        let mean = Double(loads.reduce(0, +)) / Double(over)
        guard mean > 0 else {
            return CheckResult(check, message: "not enough history: the last \(over) loads read no rows")
        }
        let ratio = Double(read) / mean
        let isPassed = ratio >= low ?? 0 && ratio <= high ?? .infinity
        let bounds = [low.map { "at least \($0)" }, high.map { "at most \($0)" }].compactMap { $0 }
        let figures = "\(read) rows were read, \(LoadChecks.short(ratio)) times the mean of the last \(over) loads"
        return CheckResult(
            check, isPassed: isPassed, count: isPassed ? 0 : 1,
            message: figures + (isPassed ? "" : ", not \(bounds.joined(separator: " and "))"))
    }

    /// Looks how old the newest is that the destination holds, `watermark` being the cursor's; fails where an error was
    /// found.
    func checkFreshness(
        _ table: DestinationTable, watermark: CursorValue?, at now: Timestamp, _ session: LoadSession
    ) throws(LoadStop) {
        for check in checks {
            guard case .freshness(let column, let format, let age) = check.rule else { continue }
            session.trail.enter(.check)
            let look = FreshnessLook(session: session, table: table, now: now, maxAge: age)
            if let column {
                results.append(try look.result(check, column, format))
            } else {
                results.append(look.result(check, watermark))
            }
        }
        try failOnError()
    }

    // MARK: Results

    private func note(
        _ check: Check, _ count: Int, _ rows: CheckedRows, _ failing: DeltaStatement.Text, _ session: LoadSession
    ) throws(LoadStop) {
        guard count > 0 else {
            results.merge([CheckResult(check, message: "no row failed")])
            return
        }
        results.merge([
            CheckResult(
                check, isPassed: false, count: count, samples: try samples(rows, check, failing, session),
                message: LoadChecks.words(count, check))
        ])
    }

    /// The keys of the first rows that fail; where rows have no key, the values that were checked.
    private func samples(
        _ rows: CheckedRows, _ check: Check, _ failing: DeltaStatement.Text, _ session: LoadSession
    ) throws(LoadStop) -> [JSONValue] {
        let names = rows.key.isEmpty ? check.columns.compactMap { rows.column($0) } : rows.key
        let found = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT \(names.map(quoted).joined(separator: ", ")) FROM \(rows.sql) WHERE \(failing.sql) "
                    + "LIMIT \(CheckResult.sampleCount)", failing.parameters)
        }
        return found.map { row in
            .object(zip(names, row.values).map { JSONValue.Member($0, LoadChecks.sample($1)) })
        }
    }

    /// A value for people, within its bound.
    static func sample(_ value: Value) -> JSONValue {
        guard let json = CursorValue(value)?.json else { return .null }
        if case .object(let members) = json {
            return .object(members.map { JSONValue.Member($0.key, bounded($0.value)) })
        }
        return bounded(json)
    }

    private static func bounded(_ json: JSONValue) -> JSONValue {
        guard let text = json.string, text.utf8.count > Limits.sampleBytes else { return json }
        return .string(text.prefix(Limits.sampleBytes / 4) + "…")
    }

    static func words(_ count: Int, _ check: Check) -> String {
        let columns = check.columns.joined(separator: ", ")
        let rows = count == 1 ? "1 row has" : "\(count) rows have"
        switch check.rule {
        case .notNull: return "\(rows) a NULL in \(columns)"
        case .unique: return "\(rows) the same \(columns) as another row"
        case .acceptedValues: return "\(rows) a value of \(columns) that is not accepted"
        case .range(_, let min, let max):
            let bounds = [min.map { "below \($0.display)" }, max.map { "above \($0.display)" }].compactMap { $0 }
            return "\(rows) a \(columns) that lies \(bounds.joined(separator: " or ")), or is of another type"
        case .rowCount, .rowCountDelta, .freshness, .sql: return rows
        }
    }

    private static func short(_ ratio: Double) -> String {
        "\((ratio * 100).rounded() / 100)"
    }

    private func failOnError() throws(LoadStop) {
        let quarantining = Set(checks.filter { $0.onFail == .quarantine }.map(\.name))
        let failed = results.filter { !$0.isPassed && $0.severity == .error && !quarantining.contains($0.name) }
        guard !failed.isEmpty else { return }
        throw .failure(failure(failed.map(\.name)))
    }

    private func failure(_ failed: [String]) -> Failure {
        let first = results.first { $0.name == failed[0] }
        let samples = (first?.samples ?? []).map { $0.text() }.joined(separator: ", ")
        let more = failed.count > 1 ? " (and \(failed.count - 1) more checks failed)" : ""
        return Failure(
            .checkFailed,
            "check \(failed[0]) failed: \(first?.message ?? "")\(samples.isEmpty ? "" : ", such as \(samples)")\(more)"
                + Failure.unchanged,
            hint: first?.type.isAboutRows == true
                ? "mend the rows in the source; or say on_fail: quarantine to set them aside, or severity: warn"
                : "look at the source; if it is right, change the check or say severity: warn",
            field: "checks")
    }

    /// The temporary table of the staged rows, where the stage is used up by the write.
    static let copy = "temp._strandline_checked"

    private var asksForDelta: Bool {
        checks.contains { check in
            if case .sql(let query, _) = check.rule { query.contains("{delta}") } else { false }
        }
    }

    /// Puts the staged rows to those of earlier commits, in a table of their own: in the place of older ones of their
    /// keys, and without those that the staged events remove.
    private func gather(_ staged: CheckedRows, _ session: LoadSession) throws(LoadStop) -> CheckedRows {
        // Events that mention other columns may come in a later commit.
        let known = whole?.columns ?? staged.columns
        let more = staged.columns.filter { column in !known.contains { fold($0) == fold(column) } }
        let gathered = CheckedRows(
            sql: "temp._strandline_whole_delta", columns: known + more, key: staged.key,
            keepsVersions: staged.keepsVersions)
        let list = staged.columns.map(quoted).joined(separator: ", ")
        let key = staged.key.map(quoted).joined(separator: ", ")
        let isNew = whole == nil
        try session.connection.stopping { db throws(SQLiteError) in
            if isNew {
                try db.execute("DROP TABLE IF EXISTS \(gathered.sql)")
                try db.execute("CREATE TEMP TABLE _strandline_whole_delta AS SELECT \(list) FROM \(staged.sql) WHERE 0")
                if !key.isEmpty {
                    try db.execute("CREATE INDEX temp._strandline_whole_delta_key ON _strandline_whole_delta (\(key))")
                }
            }
            for column in more { try db.execute("ALTER TABLE \(gathered.sql) ADD COLUMN \(quoted(column))") }
            if staged.replacesAll { try db.execute("DELETE FROM \(gathered.sql)") }
            let old = [staged.keepsVersions ? nil : "SELECT \(key) FROM \(staged.sql)", staged.removed].compactMap {
                $0
            }
            for keys in old where !key.isEmpty && !isNew {
                _ = try db.run("DELETE FROM \(gathered.sql) WHERE (\(key)) IN (\(keys))")
            }
            _ = try db.run("INSERT INTO \(gathered.sql) (\(list)) SELECT \(list) FROM \(staged.sql)")
        }
        return gathered
    }

    /// Keeps the staged rows for after the write, in a table of their own.
    private func copy(_ staged: CheckedRows, _ session: LoadSession) throws(LoadStop) -> CheckedRows {
        let copy = staged.copied(to: LoadChecks.copy)
        let list = staged.columns.map(quoted).joined(separator: ", ")
        try session.connection.stopping { db throws(SQLiteError) in
            if rows == nil {
                try db.execute("DROP TABLE IF EXISTS \(copy.sql)")
                // Its columns convert as the stage's do.
                try db.execute("CREATE TEMP TABLE _strandline_checked AS SELECT \(list) FROM \(staged.sql) WHERE 0")
            }
            _ = try db.run("INSERT INTO \(copy.sql) (\(list)) SELECT \(list) FROM \(staged.sql)")
        }
        return copy
    }
}
