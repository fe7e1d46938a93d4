internal import Model
internal import Platform
internal import SQLite

/// Compares what was staged for a range with a recount of the source's rows of it.
struct Reconciler {
    let recount: SourceRecount
    let shadow: Shadow

    private var session: LoadSession { recount.session }
    private var view: PartitionView { recount.view }
    private var key: [SchemaMatch.Pair] { recount.key }
    private var scope: PartitionScope { recount.scope }
    private var pairs: [SchemaMatch.Pair] { view.match.pairs }
    private var db: Connection { session.connection }
    private func value(_ index: Int) -> String { recount.value(index) }
    private func keyName(_ index: Int) -> String { recount.keyName(index) }

    /// Compares, once the recount is taken.
    func compare() throws(LoadStop) -> Reconciliation {
        var found = Reconciliation()
        found.sourceRows = try session.integer("SELECT count(*) FROM \(SourceRecount.table)")
        found.shadowRows = try integer("SELECT count(*) FROM \(staged)")
        let missing = Side(
            rows: SourceRecount.table + " AS c", key: key.indices.map { "c.\(keyName($0))" }, lacking: isStaged)
        let extra = Side(rows: staged, key: key.map { "d.\(quoted($0.destination))" }, lacking: isRead)
        (found.missing, found.samples) = try lacking(missing, .missing)
        let (count, samples) = try lacking(extra, .extra)
        found.extra = count
        found.samples = Array((found.samples + samples).prefix(Limits.reconciliationSamples))
        try compareColumns(&found)
        try session.connection.stopping { db throws(SQLiteError) in try db.execute("DROP TABLE \(SourceRecount.table)")
        }
        return found
    }

    /// The staged rows of the range, called `d`, as they stand behind FROM up to a condition of their own.
    private var staged: String {
        "\(shadow.sql) AS d WHERE \(shadow.isAlive) AND \(scope.holds("d." + quoted(view.column.destination)))"
    }

    private func integer(_ sql: String) throws(LoadStop) -> Int { try session.integer(sql, scope.parameters) }

    // MARK: Keys

    /// The rows of one side, and the condition that the other has the key of one.
    private struct Side {
        let rows: String
        let key: [String]
        let lacking: String
    }

    private var isStaged: String {
        let same = key.enumerated().map { "d.\(quoted($1.destination)) = c.\(keyName($0)) COLLATE BINARY" }
        return "EXISTS (SELECT 1 FROM \(staged) AND \(same.joined(separator: " AND ")))"
    }

    private var isRead: String {
        let same = key.enumerated().map { "c.\(keyName($0)) = d.\(quoted($1.destination)) COLLATE BINARY" }
        return "EXISTS (SELECT 1 FROM \(SourceRecount.table) AS c WHERE \(same.joined(separator: " AND ")))"
    }

    private func lacking(
        _ side: Side, _ kind: Reconciliation.Sample.Kind
    ) throws(LoadStop) -> (Int, [Reconciliation.Sample]) {
        let from = "FROM \(side.rows) \(kind == .missing ? "WHERE" : "AND") NOT \(side.lacking)"
        let count = try integer("SELECT count(*) \(from)")
        guard count > 0 else { return (0, []) }
        let rows = try db.stopping { db throws(SQLiteError) in
            try db.rows(
                "SELECT \(side.key.joined(separator: ", ")) \(from) LIMIT \(Limits.reconciliationSamples)",
                scope.parameters)
        }
        return (
            count,
            rows.map { row in
                let members = key.enumerated().map { index, pair in
                    JSONValue.Member(pair.destination, CursorValue(row[index])?.json ?? .null)
                }
                return Reconciliation.Sample(kind: kind, key: .object(members))
            }
        )
    }

    // MARK: Columns

    /// Whether a column may hold numbers, on either side.
    private func isNumber(_ pair: SchemaMatch.Pair) -> Bool {
        let affinities = [
            view.relation.shape.affinity(of: pair.source), view.table.shape?.affinity(of: pair.destination),
        ]
        return affinities.contains { [.integer, .real, .numeric, Affinity.none].contains($0) }
    }

    private func compareColumns(_ found: inout Reconciliation) throws(LoadStop) {
        let source = try totals(SourceRecount.table, pairs.indices.map(value), [])
        let shadow = try totals(staged, pairs.map { "d." + quoted($0.destination) }, scope.parameters)
        for (index, pair) in pairs.enumerated() {
            let (left, right) = (source[index], shadow[index])
            if left.nulls != right.nulls {
                found.nulls.append(
                    Reconciliation.Figures(
                        column: pair.destination, source: .integer(Int64(left.nulls)),
                        shadow: .integer(Int64(right.nulls))))
            }
            guard isNumber(pair) else { continue }
            found.sums.append(
                Reconciliation.Figures(column: pair.destination, source: left.json, shadow: right.json))
        }
    }

    private func totals(_ rows: String, _ columns: [String], _ parameters: [Value]) throws(LoadStop) -> [ColumnTotal] {
        var totals = pairs.map { _ in ColumnTotal(decimals: view.before.step.reconcileDecimals) }
        // A text counts with the number that it begins with, as in SQLite's own sums.
        let selected = zip(columns, pairs).map { column, pair in
            isNumber(pair)
                ? "CASE typeof(\(column)) WHEN 'text' THEN CAST(\(column) AS NUMERIC) ELSE \(column) END"
                : "\(column) IS NULL"
        }
        let numbers = pairs.map(isNumber)
        try db.stopping { db throws(SQLiteError) in
            try db.forEach("SELECT \(selected.joined(separator: ", ")) FROM \(rows)", parameters) {
                row throws(SQLiteError) in
                for index in totals.indices {
                    if numbers[index] {
                        totals[index].add(row[index])
                    } else if row[index] == .integer(1) {
                        totals[index].nulls += 1
                    }
                }
                return true
            }
        }
        return totals
    }
}

/// The sum of a column, the same in whatever order its values come: whole numbers exactly, others after they were rounded.
struct ColumnTotal {
    private let decimals: Int
    private let scale: Int128
    /// The sum of the values, each rounded, in units of the last decimal.
    private var sum: Int128 = 0
    /// Values too large for that, bit by bit: it tells whether they are the same, not what they come to.
    private var large: UInt64 = 0
    private var hasReals = false
    /// How many values are NULL.
    var nulls = 0

    init(decimals: Int) {
        self.decimals = decimals
        scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
    }

    mutating func add(_ value: Value) {
        switch value {
        case .null: nulls += 1
        case .integer(let number): sum += Int128(number) * scale
        case .real(let number):
            let scaled = (number * Double(scale)).rounded()
            guard abs(scaled) < 1e30 else { return large &+= number.bitPattern }
            if number != number.rounded() { hasReals = true }
            sum += Int128(scaled)
        case .text, .blob: break
        }
    }

    /// The sum as answers show it.
    var json: JSONValue {
        if large != 0 { return .string("\(sum / scale) and numbers beyond 1e24 (\(String(large, radix: 16)))") }
        let (whole, rest) = sum.quotientAndRemainder(dividingBy: scale)
        guard rest != 0 else { return Int64(exactly: whole).map(JSONValue.integer) ?? .string("\(whole)") }
        let digits = String(String(rest.magnitude + scale.magnitude).dropFirst())
        let text = "\(sum < 0 ? "-" : "")\(whole.magnitude).\(digits)"
        // A number of JSON holds no more digits exactly.
        return whole.magnitude < 1_000_000 ? Double(text).map(JSONValue.number) ?? .string(text) : .string(text)
    }
}
