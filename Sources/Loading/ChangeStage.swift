internal import Model
internal import SQLite

/// The temporary table that holds the newest event of each key while a commit applies them.
///
/// Its columns convert values as the destination's do, so that keys are told apart as they will be stored. Each row is
/// put in over an older one of its key.
struct ChangeStage {
    let log: ChangeLog
    let table: DestinationTable
    /// The destination's columns with the source's that fill them.
    let pairs: [SchemaMatch.Pair]
    let keyColumns: [String]
    /// Whether the events are put in one by one in their order, since some give rows another key and some leave columns
    /// out: `ChangeMoves` does.
    var followsMoves = false
    private let names: Names

    /// The names of its own columns: none that the destination has.
    private struct Names {
        let sequence, index, operation: String
        /// By the destination's column that some events leave out, the one that says whether the row has a value.
        let given: [String: String]
        /// For each column of the key, the one that holds the key which the row had before the events.
        let origin: [String]
    }

    static let name = "_strandline_events"
    static let sql = "temp._strandline_events"

    init(_ log: ChangeLog, _ table: DestinationTable, _ pairs: [SchemaMatch.Pair], key: [String]) {
        self.log = log
        self.table = table
        self.pairs = pairs
        keyColumns = key.map { column in pairs.first { fold($0.source) == fold(column) }?.destination ?? column }
        let taken = pairs.map(\.destination)
        var given: [String: String] = [:]
        for pair in pairs where log.isPartial(pair.source) {
            given[pair.destination] = freeName("strandline_has_\(given.count)", among: taken)
        }
        names = Names(
            sequence: freeName("strandline_sequence", among: taken), index: freeName("strandline_index", among: taken),
            operation: freeName("strandline_operation", among: taken), given: given,
            origin: keyColumns.indices.map { freeName("strandline_origin_\($0)", among: taken) })
    }

    var sequence: String { quoted(names.sequence) }
    var index: String { quoted(names.index) }
    var operation: String { quoted(names.operation) }
    /// The key's columns in SQL.
    var keyList: String { keyColumns.map(quoted).joined(separator: ", ") }
    /// The columns that some events leave out.
    var partial: [SchemaMatch.Pair] { pairs.filter { names.given[$0.destination] != nil } }
    /// The columns that hold, with `followsMoves`, the key that the row had in the destination.
    var origin: [String] { names.origin.map(quoted) }

    /// The column that says whether the row has a value for a column of the destination; nil where every event brings one.
    func given(_ column: String) -> String? { names.given[column].map(quoted) }

    /// The source's column that fills one of the key.
    func source(of key: String) -> String {
        pairs.first { fold($0.destination) == fold(key) }?.source ?? key
    }

    // MARK: Making it

    var create: String {
        let keys = Set(keyColumns.map(fold))
        var lines = pairs.map { pair in
            quoted(pair.destination) + type(of: pair.destination)
                + (keys.contains(fold(pair.destination)) ? " NOT NULL" : "")
        }
        // Without types, so that they stay as they are.
        lines += [sequence, index, "\(operation) INTEGER NOT NULL"]
        lines += partial.compactMap { given($0.destination).map { "\($0) INTEGER" } }
        if followsMoves { lines += zip(origin, keyColumns).map { $0 + type(of: $1) } }
        lines.append("PRIMARY KEY (\(keyList))")
        return "CREATE TEMP TABLE \(ChangeStage.name) (\(lines.joined(separator: ", "))) WITHOUT ROWID"
    }

    private func type(of column: String) -> String {
        DestinationTable.type(table.shape?.column(column)?.type ?? "").map { " " + $0 } ?? ""
    }

    // MARK: Filling it

    /// The columns of a staged event, but for its origin.
    var columns: [String] {
        pairs.map { quoted($0.destination) } + [sequence, index, operation]
            + partial.compactMap { given($0.destination) }
    }

    /// The values of `columns`, over the log.
    var values: [String] {
        let keys = Set(keyColumns.map(fold))
        return pairs.map { pair in
            keys.contains(fold(pair.destination)) ? log.reading.key(pair.source) : log.reading.value(pair.source)
        } + [quoted(log.cursor.column), log.index.map(quoted) ?? "0", log.reading.operation]
            + partial.map { log.reading.mentions($0.source) }
    }

    /// The log's rows that are events of a range: what a truncation at `truncated` swept away is left out.
    func events(_ condition: DeltaStatement.Text, since truncated: Truncation?) -> DeltaStatement.Text {
        var sql = "FROM \(log.relation.sql) WHERE \(condition.sql)"
        sql += " AND (\(log.reading.operation)) IS NOT \(ChangeLog.Operation.truncate)"
        var parameters = condition.parameters
        if let truncated { sql += " AND \(after(truncated, &parameters))" }
        return DeltaStatement.Text(sql: sql, parameters: parameters)
    }

    /// The statement that puts in the events of a range, each key's newest; what a truncation at `truncated` swept away
    /// is left out.
    func fill(_ condition: DeltaStatement.Text, since truncated: Truncation?) -> DeltaStatement.Text {
        let events = events(condition, since: truncated)
        // Rows of which each event tells a part are put together in the order of the events. Others go in by their keys:
        // putting them in anywhere was measured to take twice as long as sorting them and adding each at the end.
        let order = partial.isEmpty ? keyColumns.map { log.reading.key(source(of: $0)) } : log.order
        let sql = "SELECT \(values.joined(separator: ", ")) \(events.sql) ORDER BY \(order.joined(separator: ", "))"
        return DeltaStatement.Text(
            sql: "INSERT INTO \(ChangeStage.sql) (\(columns.joined(separator: ", "))) \(sql) \(merge)",
            parameters: events.parameters)
    }

    /// What becomes of an event whose key is staged: it is put over the older one.
    var merge: String {
        let keys = Set(keyColumns.map(fold))
        var changes = pairs.filter { !keys.contains(fold($0.destination)) }.map { pair -> String in
            let column = quoted(pair.destination)
            guard let given = given(pair.destination) else { return "\(column) = excluded.\(column)" }
            // After a delete the row begins anew.
            return """
                \(column) = CASE WHEN excluded.\(given) OR \(ChangeStage.name).\(operation) <> 0 \
                THEN excluded.\(column) ELSE \(ChangeStage.name).\(column) END, \
                \(given) = max(excluded.\(given), \(ChangeStage.name).\(given), \(ChangeStage.name).\(operation) <> 0)
                """
        }
        changes += [sequence, index, operation].map { "\($0) = excluded.\($0)" }
        return "ON CONFLICT (\(keyList)) DO UPDATE SET \(changes.joined(separator: ", ")) WHERE \(isNewer)"
    }

    /// What becomes of a delete whose key is staged: it is put over the older event, whose values stay beside it.
    var mergeDelete: String {
        let changes = [sequence, index, operation].map { "\($0) = excluded.\($0)" }
        return "ON CONFLICT (\(keyList)) DO UPDATE SET \(changes.joined(separator: ", ")) WHERE \(isNewer)"
    }

    /// The statement that puts in a delete of the old key for each event that changed the key; nil where events do not
    /// tell the row before. `condition` lets through the events of the range.
    func fillOldKeys(_ condition: DeltaStatement.Text, since truncated: Truncation?) -> DeltaStatement.Text? {
        guard let changesKey else { return nil }
        let old = keyColumns.compactMap { log.reading.keyBefore(source(of: $0)) }
        var sql = """
            SELECT \(old.joined(separator: ", ")), \(quoted(log.cursor.column)), \(log.index.map(quoted) ?? "0"), \
            \(ChangeLog.Operation.delete) FROM \(log.relation.sql) WHERE \(condition.sql) \
            AND \(changesKey)
            """
        var parameters = condition.parameters
        if let truncated { sql += " AND \(after(truncated, &parameters))" }
        return DeltaStatement.Text(
            sql: """
                INSERT INTO \(ChangeStage.sql) (\(keyList), \(sequence), \(index), \(operation)) \(sql) \(mergeDelete)
                """, parameters: parameters)
    }

    /// The condition that an event gives a row another key; nil where events do not tell the row before.
    var changesKey: String? {
        let sources = keyColumns.map(source(of:))
        let old = sources.compactMap { log.reading.keyBefore($0) }
        guard old.count == sources.count, log.reading.before != nil else { return nil }
        let isKnown = old.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
        let isOther = zip(old, sources).map { "\($0) IS NOT \(log.reading.value($1))" }.joined(separator: " OR ")
        return "(\(log.reading.operation)) = \(ChangeLog.Operation.put) AND \(isKnown) AND (\(isOther))"
    }

    /// The condition that the event at hand is newer than the one that is staged.
    var isNewer: String {
        let stage = ChangeStage.name
        return "(excluded.\(sequence), excluded.\(index)) > (\(stage).\(sequence), \(stage).\(index))"
    }

    /// Where the newest truncation of a range lies.
    struct Truncation {
        let sequence: Value
        let index: Value
    }

    private func after(_ truncated: Truncation, _ parameters: inout [Value]) -> String {
        parameters += [truncated.sequence, truncated.index]
        return "(\(quoted(log.cursor.column)), \(log.index.map(quoted) ?? "0")) > (?, ?)"
    }

    // MARK: Applying it

    /// The rows to be written, with a WHERE.
    var rows: String {
        "SELECT \(pairs.map { quoted($0.destination) }.joined(separator: ", ")) FROM \(ChangeStage.sql) WHERE \(isPut)"
    }

    var isPut: String { "\(operation) = \(ChangeLog.Operation.put)" }
    var isUnsettled: String { "\(operation) = \(ChangeLog.Operation.unsettled)" }
    /// The condition that the events of a row left a column out; nil where none does.
    var isIncomplete: String? {
        let left = partial.compactMap { given($0.destination) }.map { "NOT \($0)" }
        return left.isEmpty ? nil : "(\(left.joined(separator: " OR ")))"
    }
    var isDelete: String { "\(operation) = \(ChangeLog.Operation.delete)" }

    /// The condition that a row of the destination, called `d`, has the key of a staged event, called `s`.
    var sameKey: String { keyColumns.map { "d.\(quoted($0)) = s.\(quoted($0))" }.joined(separator: " AND ") }

    /// The statements that give columns which a row's events left out the values that the destination has: of the row
    /// that has the key, or had it before the events moved it. A row that is marked as gone begins anew.
    var keepOthers: [String] {
        let isMarked = DeleteWrite(table).isMarked("d").map { " AND NOT \($0)" } ?? ""
        let same =
            followsMoves
            ? zip(keyColumns, origin).map { "d.\(quoted($0)) = s.\($1)" }.joined(separator: " AND ") : sameKey
        return partial.compactMap { pair in
            guard let given = given(pair.destination) else { return nil }
            return """
                UPDATE \(ChangeStage.sql) AS s SET \(quoted(pair.destination)) = (SELECT d.\(quoted(pair.destination)) \
                FROM \(table.sql) AS d WHERE \(same)\(isMarked)) WHERE NOT \(given) AND \(isPut)
                """
        }
    }
}
