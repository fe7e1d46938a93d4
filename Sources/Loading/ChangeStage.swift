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
    private let names: Names

    /// The names of its own columns: none that the destination has.
    private struct Names {
        let sequence, index, operation: String
        /// By the destination's column that some events leave out, the one that says whether the row has a value.
        let given: [String: String]
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
            operation: freeName("strandline_operation", among: taken), given: given)
    }

    var sequence: String { quoted(names.sequence) }
    var index: String { quoted(names.index) }
    var operation: String { quoted(names.operation) }
    /// The key's columns in SQL.
    var keyList: String { keyColumns.map(quoted).joined(separator: ", ") }
    private var partial: [SchemaMatch.Pair] { pairs.filter { names.given[$0.destination] != nil } }

    private func source(of key: String) -> String {
        pairs.first { fold($0.destination) == fold(key) }?.source ?? key
    }

    // MARK: Making it

    var create: String {
        let keys = Set(keyColumns.map(fold))
        var lines = pairs.map { pair in
            let type = DestinationTable.type(table.shape?.column(pair.destination)?.type ?? "").map { " " + $0 } ?? ""
            return quoted(pair.destination) + type + (keys.contains(fold(pair.destination)) ? " NOT NULL" : "")
        }
        // Without types, so that they stay as they are.
        lines += [sequence, index, "\(operation) INTEGER NOT NULL"]
        lines += partial.compactMap { names.given[$0.destination].map { "\(quoted($0)) INTEGER" } }
        lines.append("PRIMARY KEY (\(keyList))")
        return "CREATE TEMP TABLE \(ChangeStage.name) (\(lines.joined(separator: ", "))) WITHOUT ROWID"
    }

    // MARK: Filling it

    /// The statement that puts in the events of a range, each key's newest; what a truncation at `truncated` swept away
    /// is left out.
    func fill(_ condition: DeltaStatement.Text, since truncated: Truncation?) -> DeltaStatement.Text {
        let keys = Set(keyColumns.map(fold))
        let given = partial.compactMap { pair in names.given[pair.destination].map { (pair, $0) } }
        var values = pairs.map { pair in
            keys.contains(fold(pair.destination)) ? log.reading.key(pair.source) : log.reading.value(pair.source)
        }
        values += [quoted(log.cursor.column), log.index.map(quoted) ?? "0", log.reading.operation]
        values += given.map { log.reading.mentions($0.0.source) }
        var sql = "SELECT \(values.joined(separator: ", ")) FROM \(log.relation.sql) WHERE \(condition.sql)"
        sql += " AND (\(log.reading.operation)) IS NOT \(ChangeLog.Operation.truncate)"
        var parameters = condition.parameters
        if let truncated {
            sql += " AND \(after(truncated, &parameters))"
        }
        // Rows of which each event tells a part are put together in the order of the events. Others go in by their keys:
        // putting them in anywhere was measured to take twice as long as sorting them and adding each at the end.
        let order =
            given.isEmpty
            ? keyColumns.map { log.reading.key(source(of: $0)) }
            : ([log.cursor.column] + [log.index].compactMap { $0 }).map(quoted)
        sql += " ORDER BY \(order.joined(separator: ", "))"
        let columns = pairs.map { quoted($0.destination) } + [sequence, index, operation] + given.map { quoted($0.1) }
        var changes = pairs.filter { !keys.contains(fold($0.destination)) }.map { pair -> String in
            let column = quoted(pair.destination)
            guard let given = names.given[pair.destination].map(quoted) else { return "\(column) = excluded.\(column)" }
            // After a delete the row begins anew.
            return """
                \(column) = CASE WHEN excluded.\(given) OR \(ChangeStage.name).\(operation) <> 0 \
                THEN excluded.\(column) ELSE \(ChangeStage.name).\(column) END, \
                \(given) = max(excluded.\(given), \(ChangeStage.name).\(given), \(ChangeStage.name).\(operation) <> 0)
                """
        }
        changes += [sequence, index, operation].map { "\($0) = excluded.\($0)" }
        return DeltaStatement.Text(
            sql: """
                INSERT INTO \(ChangeStage.sql) (\(columns.joined(separator: ", "))) \(sql) \
                ON CONFLICT (\(keyList)) DO UPDATE SET \(changes.joined(separator: ", ")) WHERE \(isNewer)
                """, parameters: parameters)
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
                INSERT INTO \(ChangeStage.sql) (\(keyList), \(sequence), \(index), \(operation)) \(sql) \
                ON CONFLICT (\(keyList)) DO UPDATE SET \(sequence) = excluded.\(sequence), \
                \(index) = excluded.\(index), \(operation) = excluded.\(operation) WHERE \(isNewer)
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

    private var isNewer: String {
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
        let left = partial.compactMap { names.given[$0.destination] }.map { "NOT \(quoted($0))" }
        return left.isEmpty ? nil : "(\(left.joined(separator: " OR ")))"
    }
    var isDelete: String { "\(operation) = \(ChangeLog.Operation.delete)" }

    /// The condition that a row of the destination, called `d`, has the key of a staged event, called `s`.
    var sameKey: String { keyColumns.map { "d.\(quoted($0)) = s.\(quoted($0))" }.joined(separator: " AND ") }

    /// The statements that give columns which a row's events left out the values that the destination has.
    var keepOthers: [String] {
        partial.compactMap { pair in
            guard let given = names.given[pair.destination].map(quoted) else { return nil }
            return """
                UPDATE \(ChangeStage.sql) AS s SET \(quoted(pair.destination)) = (SELECT d.\(quoted(pair.destination)) \
                FROM \(table.sql) AS d WHERE \(sameKey)) WHERE NOT \(given) AND \(isPut)
                """
        }
    }
}
