internal import Model
internal import Platform
internal import SQLite

/// Looks at a table of a source for advice: its schema in full, its rows as far as time allows.
struct TableSurvey {
    let connection: Connection
    let clock: any Clock
    let stop: StopToken
    private let relation: SourceRelation
    private var shape: TableShape { relation.shape }

    init(_ table: String, on connection: Connection, clock: any Clock, stop: StopToken) throws(LoadStop) {
        self.connection = connection
        self.clock = clock
        self.stop = stop
        do throws(LoadStop) {
            relation = try SourceRelation.find(.table(table), on: connection, in: "main")
        } catch {
            guard case .failure(var failure) = error else { throw error }
            failure.field = "table"
            throw .failure(failure)
        }
    }

    /// What the table looks like.
    func facts() throws(LoadStop) -> TableFacts {
        let names = Array(shape.columns.map(\.name).prefix(Limits.surveyedColumns))
        let counted = try withinTime { () throws(LoadStop) in try integer("SELECT count(*) FROM \(relation.sql)") }
        let look = try survey(names, rows: counted)
        var facts = TableFacts(
            table: shape.name, isView: shape.kind == .view, rows: counted ?? look.estimate, isEstimate: counted == nil,
            rowsExamined: look.examined,
            columns: shape.columns.map { .init(name: $0.name, type: $0.type, keyPosition: $0.keyPosition) },
            indexes: try indexes(), softDelete: shape.columns.first { ColumnWords($0.name).saysDeleted }?.name)
        let registry = CaptureRegistry(connection: connection, schema: "main")
        if let entry = try registry.entry(shape.name), try registry.fault(entry) == nil { facts.changeLog = entry.log }
        facts.events = try EventSurvey(connection: connection, relation: relation).facts()
        let triggers = try triggers()
        facts.refusal = triggers.first(where: \.refusesUpdates)?.name
        (facts.key, facts.keyOrigin) = try key(facts)
        for (name, column) in zip(names, look.columns) {
            if let cursor = try cursor(name, column, facts, triggers) { facts.cursors.append(cursor) }
        }
        return facts
    }

    // MARK: Rows

    private struct Look {
        var columns: [ColumnSurvey.Column]
        var examined = 0
        var estimate = 0
    }

    /// Looks at every row of a table that is not large, and at rows picked out evenly of one that is.
    private func survey(_ names: [String], rows: Int?) throws(LoadStop) -> Look {
        let survey = ColumnSurvey(columns: names.count, now: Instant(clock.now().adding(Limits.maximumFuture)))
        try connection.stopping { db throws(SQLiteError) in
            try db.createFunction(
                ScalarFunction(name: ColumnSurvey.name, arguments: nil, isDeterministic: false, body: survey))
        }
        let call = "\(ColumnSurvey.name)(\(names.map(quoted).joined(separator: ", ")))"
        var look = Look(columns: [])
        if let rows, rows <= Limits.surveyedRows {
            // Without the indexes the rows come in the order in which they were added.
            let plain = relation.isTable ? relation.sql + " NOT INDEXED" : relation.sql
            look.examined = try integer("SELECT count(*) FROM \(plain) WHERE \(call)")
            look.estimate = rows
        } else if let row = shape.rowNumberName {
            (look.examined, look.estimate) = try pick(row, call)
        } else {
            look.examined = try integer(
                "SELECT count(*) FROM (SELECT * FROM \(relation.sql) LIMIT \(Limits.surveyedRows)) WHERE \(call)")
            look.estimate = look.examined
        }
        look.columns = survey.columns
        return look
    }

    /// Looks at short stretches of rows, the last of them at the end; answers how many rows it met and how many there
    /// may be.
    private func pick(_ row: String, _ call: String) throws(LoadStop) -> (examined: Int, estimate: Int) {
        let first = Int64(try integer("SELECT min(\(row)) FROM \(relation.sql)"))
        let last = Int64(try integer("SELECT max(\(row)) FROM \(relation.sql)"))
        let ranges = Int64(Limits.surveyedRanges)
        let length = Int64(Limits.surveyedRows) / ranges
        let span = last.subtractingReportingOverflow(first)
        let stride = max(span.overflow ? Int64.max / ranges : span.partialValue / ranges, length)
        var examined = 0
        var covered: Double = 0
        var from = first
        while from <= last {
            let found = try connection.stopping { db throws(SQLiteError) in
                try db.first(
                    "SELECT count(*), max(strandline_row) FROM (SELECT \(row) AS strandline_row, * FROM \(relation.sql) "
                        + "WHERE \(row) >= ? ORDER BY \(row) LIMIT ?) WHERE \(call)",
                    [.integer(from), .integer(length)])
            }
            guard let found, case .integer(let count) = found[0], let end = found[1].integer else { break }
            examined += Int(count)
            covered += Double(end) - Double(from) + 1
            let (next, overflow) = from.addingReportingOverflow(stride)
            guard !overflow else { break }
            from = max(next, end + 1)
            // The newest rows belong to it in any case.
            if from > last - length, end < last { from = max(end + 1, last - length + 1) }
        }
        let density = covered > 0 ? Double(examined) / covered : 0
        return (examined, max(examined, Int(min(density * (Double(last) - Double(first) + 1), 1e15))))
    }

    // MARK: Schema

    private func indexes() throws(LoadStop) -> [TableFacts.Index] {
        guard relation.isTable else { return [] }
        return try connection.stopping { db throws(SQLiteError) in
            var found: [TableFacts.Index] = []
            for index in try db.rows("PRAGMA main.index_list(\(quoted(shape.name)))") {
                let name = try index.text("name")
                let columns = try db.rows("PRAGMA main.index_xinfo(\(quoted(name)))").filter {
                    $0["key"] == .integer(1)
                }
                found.append(
                    TableFacts.Index(
                        name: name, columns: columns.map { $0["name"].string ?? "" },
                        isUnique: index["unique"] == .integer(1) && index["partial"] == .integer(0)))
            }
            return found
        }
    }

    /// A trigger of the table, as its text tells.
    private struct Trigger {
        var name: String
        var text: String

        /// Whether it fires on updates and only to refuse them.
        var refusesUpdates: Bool { firesOnUpdate && text.contains("raise") && !text.contains(" when ") }
        /// Whether it fires on updates and writes a column of the table.
        func sets(_ column: String) -> Bool {
            guard firesOnUpdate, let body = text.firstRange(of: "begin") else { return false }
            return text[body.upperBound...].contains("set ") && text[body.upperBound...].contains(fold(column))
        }
        private var firesOnUpdate: Bool {
            guard let body = text.firstRange(of: "begin") else { return false }
            return text[..<body.lowerBound].contains("update")
        }
    }

    private func triggers() throws(LoadStop) -> [Trigger] {
        try connection.stopping { db throws(SQLiteError) in
            let rows = try db.rows(
                "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE "
                    + "ORDER BY name", [.text(shape.name)])
            return rows.map { Trigger(name: $0["name"].string ?? "", text: fold($0["sql"].string ?? "")) }
        }
    }

    // MARK: Key

    /// The columns that name a row: a declared key without NULLs, or a column that could be one and is.
    private func key(_ facts: TableFacts) throws(LoadStop) -> ([String], TableFacts.KeyOrigin) {
        let primary = shape.declaredKey.map(\.name)
        let declared = [primary] + facts.indexes.filter { $0.isUnique && !$0.columns.contains("") }.map(\.columns)
        for columns in declared where !columns.isEmpty {
            if try hasNoNulls(columns) { return (columns, .declared) }
        }
        guard !facts.isEstimate, facts.rows <= Limits.surveyedRows else { return ([], .declared) }
        for column in shape.columns where ColumnWords(column.name).mayBeKey(of: shape.name) {
            let name = quoted(column.name)
            let distinct = try withinTime { () throws(LoadStop) in
                try integer("SELECT count(DISTINCT \(name) COLLATE BINARY) FROM \(relation.sql)")
            }
            if distinct == facts.rows, facts.rows > 0 { return ([column.name], .found) }
        }
        return ([], .declared)
    }

    private func hasNoNulls(_ columns: [String]) throws(LoadStop) -> Bool {
        for name in columns where !isNeverNull(name) {
            let found = try withinTime { () throws(LoadStop) in
                try integer("SELECT EXISTS (SELECT 1 FROM \(relation.sql) WHERE \(quoted(name)) IS NULL)")
            }
            guard found == 0 else { return false }
        }
        return true
    }

    private func isNeverNull(_ name: String) -> Bool {
        guard let column = shape.column(name) else { return false }
        return column.isRequired || shape.rowNumber == fold(name)
    }

    // MARK: Cursors

    /// What is to be said of a column as a cursor; nil for one that is plainly none.
    private func cursor(
        _ name: String, _ seen: ColumnSurvey.Column, _ facts: TableFacts, _ triggers: [Trigger]
    ) throws(LoadStop) -> CursorFacts? {
        let words = ColumnWords(name)
        let trigger = triggers.first { !$0.refusesUpdates && $0.sets(name) && words.saysTime }?.name
        let isUnique = shape.uniqueKeys.contains { $0.columns == [fold(name)] }
        let content = content(seen, words)
        guard let role = role(words, content, isUnique: isUnique, trigger: trigger) else { return nil }
        var cursor = CursorFacts(column: name, role: role, content: content, trigger: trigger, isUnique: isUnique)
        (cursor.nulls, cursor.nullsAreExact) = try nulls(name, seen, facts)
        fill(&cursor, seen)
        if relation.isTable {
            cursor.rises = shape.hasRowNumber ? seen.falls == 0 : nil
            if !relation.isOrdered(by: name) {
                cursor.missingIndex = IndexSuggestion.statement(column: name, of: shape.name)
            }
        }
        return cursor
    }

    private func content(_ seen: ColumnSurvey.Column, _ words: ColumnWords) -> CursorFacts.Content {
        guard seen.values > 0 else { return .none }
        if seen.numbers == seen.values {
            guard words.saysTime else { return .numbers }
            let unit = ColumnSurvey.units.indices.first { seen.unixTimes[$0] == seen.numbers }
            return unit.map { .time(ColumnSurvey.units[$0].format) } ?? .numbers
        }
        // A few odd values among times are faults; a few times among other texts are chance.
        if seen.times * 2 > seen.values { return .time(.iso8601) }
        return .mixed
    }

    private func role(
        _ words: ColumnWords, _ content: CursorFacts.Content, isUnique: Bool, trigger: String?
    ) -> CursorFacts.Role? {
        switch content {
        case .time:
            if trigger != nil || words.saysUpdated { return .updated }
            return words.saysCreated ? .created : .other
        case .numbers:
            if words.saysVersion { return .version }
            if isUnique { return .number }
            return words.saysUpdated ? .updated : nil
        case .mixed, .none: return words.saysUpdated && words.saysTime ? .updated : nil
        }
    }

    private func fill(_ cursor: inout CursorFacts, _ seen: ColumnSurvey.Column) {
        cursor.lowest = seen.lowestValue
        cursor.highest = seen.highestValue
        switch cursor.content {
        case .time(.iso8601):
            cursor.unreadable = seen.values - seen.times
            cursor.sample = seen.otherThanTime
            cursor.future = seen.futureTimes
            cursor.hasMixedOffsets =
                seen.zones.nonzeroBitCount > 1 && seen.zones & Instant.Zone.offset.rawValue != 0
        case .time(let format):
            let unit = ColumnSurvey.units.firstIndex { $0.format == format } ?? 0
            cursor.future = seen.futureUnix[unit]
        case .mixed:
            cursor.unreadable = seen.values - max(seen.numbers, seen.times)
            cursor.sample = seen.numbers > seen.times ? seen.otherThanNumber : seen.otherThanTime
        case .numbers, .none: break
        }
    }

    /// The rows without a value in a column, and whether that counts every row.
    private func nulls(
        _ name: String, _ seen: ColumnSurvey.Column, _ facts: TableFacts
    ) throws(LoadStop) -> (Int, Bool) {
        if facts.rowsExamined == facts.rows, !facts.isEstimate { return (seen.nulls, true) }
        if isNeverNull(name) { return (0, true) }
        let counted = try withinTime { () throws(LoadStop) in
            try integer("SELECT count(*) FROM \(relation.sql) WHERE \(quoted(name)) IS NULL")
        }
        return (counted ?? seen.nulls, counted != nil)
    }

    // MARK: Reading

    /// What `body` answers; nil when it takes longer than a look may.
    private func withinTime<Result>(_ body: () throws(LoadStop) -> Result) throws(LoadStop) -> Result? {
        do throws(LoadStop) {
            return try connection.withDeadline(after: Limits.surveyCountTime, body)
        } catch {
            guard case .sqlite(let cause) = error, cause.isInterrupted, stop.reason == nil else { throw error }
            return nil
        }
    }

    private func integer(_ sql: String) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in Int(try db.first(sql)?[0].integer ?? 0) }
    }
}

/// The index that lets a run find rows by a cursor.
enum IndexSuggestion {
    /// The statement that makes it in the source.
    static func statement(column: String, of table: String) -> String {
        "CREATE INDEX \(quoted("\(table)_by_\(column)")) ON \(quoted(table)) (\(quoted(column)))"
    }
}
