internal import Model
internal import SQLite

/// All rows of a source, ready to be compared with the destination's and to be looked up by their key.
///
/// A table is read where it is when it finds its rows by the key and when its columns convert values as the
/// destination's do; comparing such columns directly is exact. Everything else (a query, which would be run once for
/// each look, a table without an index on the key, other affinities) is copied into a temporary table that has the
/// destination's affinities and an index on the key, so that what is compared is what would be stored; so are rows that
/// checks look at.
struct SnapshotRows {
    static let copy = "temp._strandline_source"

    /// What stands behind FROM.
    private(set) var sql: String
    /// Its columns with the destination's.
    let pairs: [SchemaMatch.Pair]
    /// Those of them that are the key, in the key's order.
    let key: [SchemaMatch.Pair]
    /// Whether the rows are copied first.
    let isCopied: Bool

    /// Whether several rows may have one key, as the destination stores it.
    let mayHaveDoubles: Bool

    private let collation: String
    private let relation: SourceRelation
    private let loaded: [SchemaMatch.Pair]
    private let table: DestinationTable

    /// What the rows are wanted for.
    enum Purpose {
        /// To hold each against the destination: no two may share a key, and keys are told apart byte by byte.
        case compare
        /// To tell which keys there are: keys that the source itself takes for equal are equal.
        case find
    }

    /// The rows of `relation` in the columns of `pairs`, which go to those of `table`.
    init(
        _ relation: SourceRelation, _ pairs: [SchemaMatch.Pair], key: [SchemaMatch.Pair], _ table: DestinationTable,
        to purpose: Purpose
    ) {
        let shape = relation.shape
        let names = Set(key.map { fold($0.source) })
        let ignoresCase =
            purpose == .find && shape.uniqueKeys.contains { $0.columns == names && !$0.isBinary }
        let isIndexed =
            shape.uniqueKeys.contains { $0.isBinary && $0.columns.isSubset(of: names) } || ignoresCase
            || purpose == .find && names.count == 1 && names.isSubset(of: shape.orderedBy)
        let isInPlace =
            shape.kind == .table && isIndexed && !(purpose == .compare && table.step.checksRows)
            && pairs.allSatisfy { shape.affinity(of: $0.source) == table.shape?.affinity(of: $0.destination) }
        self.relation = relation
        self.table = table
        loaded = pairs
        mayHaveDoubles = SnapshotRows.mayHaveDoubles(relation, key, table)
        isCopied = !isInPlace
        sql = isInPlace ? relation.sql : SnapshotRows.copy
        func here(_ pair: SchemaMatch.Pair) -> SchemaMatch.Pair {
            isInPlace ? pair : SchemaMatch.Pair(source: pair.destination, destination: pair.destination)
        }
        self.pairs = pairs.map(here)
        self.key = key.map(here)
        collation = isInPlace && ignoresCase ? "" : " COLLATE BINARY"
    }

    /// Rows that are copied in any case, by someone else: those of one partition.
    init(
        copying relation: SourceRelation, _ pairs: [SchemaMatch.Pair], key: [SchemaMatch.Pair],
        _ table: DestinationTable
    ) {
        self.relation = relation
        self.table = table
        loaded = pairs
        mayHaveDoubles = SnapshotRows.mayHaveDoubles(relation, key, table)
        isCopied = true
        sql = SnapshotRows.copy
        func here(_ pair: SchemaMatch.Pair) -> SchemaMatch.Pair {
            SchemaMatch.Pair(source: pair.destination, destination: pair.destination)
        }
        self.pairs = pairs.map(here)
        self.key = key.map(here)
        collation = " COLLATE BINARY"
    }

    /// Unless the source keeps its keys apart, and the destination does not make one of two: of the texts 1 and 001 in a
    /// column of numbers, or of whole numbers that a floating-point number stands for only nearly.
    private static func mayHaveDoubles(
        _ relation: SourceRelation, _ key: [SchemaMatch.Pair], _ table: DestinationTable
    ) -> Bool {
        guard relation.shape.isUnique(key.map(\.source)) else { return true }
        return key.contains { pair in
            let here = relation.shape.affinity(of: pair.source) ?? .none
            guard let there = table.shape?.affinity(of: pair.destination), there != .none, there != here else {
                return false
            }
            return here == .text || here == .none || there == .real
        }
    }

    /// Those of the rows that stand behind FROM in `sql`.
    func among(_ sql: String) -> SnapshotRows {
        var rows = self
        rows.sql = "(\(sql))"
        return rows
    }

    /// The condition that a row of the source, `s`, has the key of one of the destination, `d`.
    var sameKey: String {
        key.map { "s.\(quoted($0.source)) = d.\(quoted($0.destination))\(collation)" }.joined(separator: " AND ")
    }

    /// The condition that a row of the destination, `d`, is in the source no more.
    var isGone: String { "NOT \(isThere)" }

    /// The condition that a row of the destination, `d`, is in the source.
    var isThere: String { "EXISTS (SELECT 1 FROM \(sql) AS s WHERE \(sameKey))" }

    /// The step's key, else the one that the source's table declares.
    static func key(
        _ relation: SourceRelation, _ match: SchemaMatch, _ step: LoadStep
    ) throws(LoadStop) -> [SchemaMatch.Pair] {
        let declared = relation.shape.declaredKey
        let names = step.primaryKey.isEmpty ? declared.map(\.name) : step.primaryKey
        let key = names.compactMap { name in match.pairs.first { fold($0.source) == fold(name) } }
        guard !names.isEmpty else {
            throw .failure(
                Failure(
                    .missingKey, "the source \(relation.shape.name) declares no primary key, and the step names none",
                    hint: "name the columns that identify a row, such as primary_key: [id]", field: "primary_key"))
        }
        guard key.count == names.count else {
            throw .failure(
                Failure(
                    .unknownColumn,
                    "the key (\(names.joined(separator: ", "))) is not loaded as a whole, so no row can be told from "
                        + "another", hint: "load all of its columns, or name another primary_key", field: "primary_key")
            )
        }
        return key
    }

    /// The columns to select of the rows called `row`, in the order of the pairs.
    func selected(_ row: String) -> String { pairs.map { "\(row).\(quoted($0.source))" }.joined(separator: ", ") }

    /// The statements that copy the rows; none where they are compared in place.
    var copying: [String] {
        guard isCopied else { return [] }
        let columns = pairs.map { quoted($0.source) }.joined(separator: ", ")
        let selected = loaded.map { quoted($0.source) }.joined(separator: ", ")
        let key = key.map { quoted($0.source) }.joined(separator: ", ")
        return [
            "CREATE TEMP TABLE _strandline_source AS SELECT \(columns) FROM \(table.sql) WHERE 0",
            "INSERT INTO \(SnapshotRows.copy) (\(columns)) SELECT \(selected) FROM \(relation.sql)",
            "CREATE INDEX temp._strandline_source_key ON _strandline_source (\(key))",
        ]
    }

    /// The statement that fills an empty table with the rows.
    ///
    /// In its first form SQLite copies whole records, where both tables are declared alike.
    func filling() -> String {
        let columns = (table.shape?.columns ?? []).map { fold($0.name) }
        let isWhole =
            !isCopied && columns == pairs.map { fold($0.destination) }
            && relation.shape.columns.map { fold($0.name) } == pairs.map { fold($0.source) }
        return isWhole
            ? "\(table.insert) SELECT * FROM \(sql)"
            : "\(table.insert) (\(pairs.map { quoted($0.destination) }.joined(separator: ", "))) "
                + "SELECT \(selected("s")) FROM \(sql) AS s"
    }

    // MARK: Taking

    /// Makes the rows ready.
    func take(_ session: LoadSession) throws(LoadStop) {
        guard isCopied else { return }
        try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(SnapshotRows.copy)")
        }
        for statement in copying {
            session.trail.note(statement)
            try session.connection.stopping { db throws(SQLiteError) in try db.execute(statement) }
        }
    }

    /// Drops the copy.
    func release(_ session: LoadSession) throws(LoadStop) {
        guard isCopied else { return }
        try session.connection.stopping { db throws(SQLiteError) in try db.execute("DROP TABLE \(SnapshotRows.copy)") }
    }

    /// The number of rows without a key.
    func nullKeys(_ session: LoadSession) throws(LoadStop) -> Int {
        let nullable = key.filter { pair in
            isCopied
                || relation.shape.column(pair.source).map { !$0.isRequired } ?? true
                    && relation.shape.rowNumber != fold(pair.source)
        }
        guard !nullable.isEmpty else { return 0 }
        let isNull = nullable.map { "\(quoted($0.source)) IS NULL" }.joined(separator: " OR ")
        return try session.integer("SELECT count(*) FROM \(sql) WHERE \(isNull)")
    }

    /// Keeps one of the rows that are equal to the byte, once they are taken; answers what is to be said of that.
    /// Refuses rows of one key that differ: there is nothing by which to choose among them.
    func settleDoubles(_ session: LoadSession) throws(LoadStop) -> [LoadWarning] {
        // An index on a key whose case does not count rules doubles out all the more.
        guard isCopied, mayHaveDoubles else { return [] }
        let list = key.map { quoted($0.source) }.joined(separator: ", ")
        let isKeyed = key.map { "\(quoted($0.source)) IS NOT NULL" }.joined(separator: " AND ")
        let doubles = try session.integer(
            "SELECT count(*) - (SELECT count(*) FROM (SELECT 1 FROM \(sql) WHERE \(isKeyed) GROUP BY \(list))) "
                + "FROM \(sql) WHERE \(isKeyed)")
        guard doubles > 0 else { return [] }
        let number = SnapshotRows.rowNumber(pairs)
        let same = key.map { "c.\(quoted($0.source)) = b.\(quoted($0.source))" }.joined(separator: " AND ")
        let first = "(SELECT min(c.\(number)) FROM \(sql) AS c WHERE \(same))"
        let differs = DestinationTable.differs(pairs.map(\.source), table.shape, old: "a", new: "b")
        let keyOf = key.map { "b.\(quoted($0.source))" }.joined(separator: ", ")
        let other = try session.connection.stopping { db throws(SQLiteError) in
            try db.first(
                "SELECT \(keyOf) FROM \(sql) AS b JOIN \(sql) AS a ON a.\(number) = \(first) "
                    + "WHERE \(differs) LIMIT 1")
        }
        let names = key.map(\.source).joined(separator: ", ")
        let message = "\(doubles == 1 ? "1 row has" : "\(doubles) rows have") the same key (\(names)) as another row"
        if other != nil || table.step.onDuplicateKey == .fail {
            let sample = other.map { ", with other values (the first: \(KeyWords.text(key.map(\.source), $0.values)))" }
            throw .failure(
                Failure(
                    .duplicateKey, message + (sample ?? ""),
                    hint:
                        "name a primary_key that is unique in the source, or choose one row for each key with a query",
                    field: "primary_key"))
        }
        try session.connection.stopping { db throws(SQLiteError) in
            _ = try db.run("DELETE FROM \(sql) AS b WHERE b.\(number) > \(first)")
        }
        return [
            LoadWarning(code: DeltaJudgement.duplicateKeys, message: message + " and equal values; one was loaded")
        ]
    }

    /// The name by which the copy's row numbers are reached: one that no column bears.
    private static func rowNumber(_ pairs: [SchemaMatch.Pair]) -> String {
        freeRowNumber(among: pairs.map(\.source)) ?? "rowid"
    }
}

/// A row's key in words.
enum KeyWords {
    static func text(_ names: [String], _ values: [Value]) -> String {
        zip(names, values).map { "\($0) = \(CursorValue($1)?.display ?? "NULL")" }.joined(separator: ", ")
    }
}

extension Failure {
    /// The refusal of a table in which a key names two rows.
    static func doubledKey(_ table: String, _ key: [String], _ values: [Value]) -> Failure {
        Failure(
            .duplicateKey, "table \(table) holds two rows with the same key (\(KeyWords.text(key, values)))",
            hint: "remove one of them, or rebuild the table with full_refresh", field: "primary_key")
    }
}
