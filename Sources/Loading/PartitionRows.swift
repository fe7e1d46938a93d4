internal import Model
internal import SQLite

/// The SQL that finds what a partition's rows are to become: the source's rows of its range, the rows of its keys that
/// lie elsewhere in the source, and the destination's rows that the source does not have at all.
///
/// Pure. Rows that both sides find by their key, and that both hold alike, are compared where they are. All others are
/// copied into a temporary table that converts values as the destination does; then what is compared is what would be
/// stored.
///
/// The statements are written once, for all partitions whose scopes have the same form; each binds its own bounds.
final class PartitionRows {
    static let gone = "temp._strandline_gone"
    /// The keys that are looked for elsewhere when the source is read ahead.
    static let sought = "temp._strandline_sought"

    /// The source's rows: those of the range where they are compared in place, else all that are copied.
    let rows: SnapshotRows
    /// Whether nothing is copied.
    let isInPlace: Bool
    /// Whether the copied rows are read by someone else, too.
    let isRead: Bool
    private let scope: PartitionScope
    let table: DestinationTable
    private let relation: SourceRelation
    private let pairs: [SchemaMatch.Pair]
    private let key: [SchemaMatch.Pair]
    private let column: SchemaMatch.Pair
    private let deletes: DeleteWrite
    /// What earlier partitions of the backfill have staged, which is what the destination is to be; nil where rows go
    /// straight in.
    private let shadow: Shadow?
    /// The copy's column that is true for rows that lie elsewhere.
    private let outside: String
    /// The copy's column that holds the cursor as the source has it.
    private let place: String
    /// The name by which the copy's row numbers are reached.
    private let number: String

    /// Rows that go into a shadow or are read by someone else, too, are copied in any case.
    init(
        _ relation: SourceRelation, _ pairs: [SchemaMatch.Pair], key: [SchemaMatch.Pair], column: SchemaMatch.Pair,
        _ table: DestinationTable, _ scope: PartitionScope, shadow: Shadow? = nil, isRead: Bool = false
    ) {
        self.shadow = shadow
        self.isRead = isRead
        let found = SnapshotRows(relation, pairs, key: key, table, to: .compare)
        isInPlace =
            shadow == nil && !isRead && !found.isCopied && RowDiff(found, table).isUnique
        rows =
            isInPlace
            ? found.among("SELECT * FROM \(relation.sql) AS r WHERE \(scope.takes("r", column.source))")
            : SnapshotRows(copying: relation, pairs, key: key, table)
        self.scope = scope
        self.table = table
        self.relation = relation
        self.pairs = pairs
        self.key = key
        self.column = column
        deletes = DeleteWrite(table)
        let names = pairs.map(\.destination)
        outside = quoted(freeName("strandline_outside", among: names))
        place = quoted(freeName("strandline_place", among: names))
        number = freeRowNumber(among: names) ?? "rowid"
    }

    /// Whether the statements are those of a partition, too.
    func fits(_ scope: PartitionScope, isRead: Bool) -> Bool { self.scope.isLike(scope) && self.isRead == isRead }

    /// Whether several rows of the source may share a key; then the newest of all of them counts, wherever it lies.
    var mayHaveVersions: Bool { rows.mayHaveDoubles }

    /// The column by which the newest of them is known; nil where nothing tells.
    private var cursor: String? {
        guard mayHaveVersions, let cursor = table.step.cursor else { return nil }
        return relation.shape.column(cursor.column)?.name
    }

    /// Whether the newest of several rows of one key can be told.
    var tellsNewest: Bool { cursor != nil }

    private func list(_ pairs: [SchemaMatch.Pair], of row: String? = nil) -> String {
        pairs.map { (row.map { $0 + "." } ?? "") + quoted($0.destination) }.joined(separator: ", ")
    }

    // MARK: Staging

    /// The tables that the rows are staged in.
    private(set) lazy var stage: [StageTable] = {
        let gone = StageTable(
            name: PartitionRows.gone,
            make: [
                "CREATE TEMP TABLE _strandline_gone AS SELECT \(list(key)), \(rowNumber) AS \(place) FROM \(table.sql) "
                    + "WHERE 0"
            ])
        let copy = StageTable(
            name: SnapshotRows.copy,
            make: [
                "CREATE TEMP TABLE _strandline_source AS SELECT \(list(pairs)), 0 AS \(outside), NULL AS \(place) "
                    + "FROM \(shadow?.sql ?? table.sql) WHERE 0",
                "CREATE INDEX temp._strandline_source_key ON _strandline_source (\(list(key)))",
            ])
        let differing = StageTable(name: RowDiff.stage, make: [diff.makeStage])
        return [gone] + (isInPlace ? [] : [copy]) + (shadow == nil ? [differing] : [])
    }()

    /// How the rows that are compared become the destination's.
    private(set) lazy var diff = RowDiff(rows, table)

    /// The destination's row number; NULL where it has none.
    private var rowNumber: String { table.shape?.rowNumberName ?? "NULL" }

    // MARK: In place

    /// Stages the rows of the range that differ.
    var compare: String { diff.fillStage }

    /// Stages those rows that differ of which the destination has others in the range, though they lie elsewhere.
    private(set) lazy var compareMoved: String = {
        let same = key.map { "r.\(quoted($0.source)) = g.\(quoted($0.destination)) COLLATE BINARY" }
        // In this order: what is gone is little, and each of it is looked up.
        let moved = rows.among(
            "SELECT r.* FROM \(PartitionRows.gone) AS g CROSS JOIN \(relation.sql) AS r "
                + "ON \(same.joined(separator: " AND "))\(scope.andPassed("r"))")
        return RowDiff(moved, table).fillStage
    }()

    // MARK: Copying

    /// Copies the source's rows of the range.
    private(set) lazy var copyInside = copy(0) + " WHERE \(scope.takes("r", column.source))"

    /// Copies the source's rows elsewhere of the keys in hand: where a row of the destination has moved to, those of which
    /// are in `table`, and other versions of the rows of the range.
    func copyElsewhere(of table: String) -> String {
        let keys = key.map { "r." + quoted($0.source) }.joined(separator: ", ")
        var wanted = "SELECT \(list(key)) FROM \(table)"
        if mayHaveVersions { wanted += " UNION SELECT \(list(key)) FROM \(rows.sql)" }
        return copy(1) + " WHERE (\(keys)) IN (\(wanted)) AND NOT \(scope.holds("r." + quoted(column.source)))"
            + scope.andPassed("r")
    }

    private func copy(_ flag: Int) -> String {
        let selected = pairs.map { "r." + quoted($0.source) }.joined(separator: ", ")
        let cursor = cursor.map { "r." + quoted($0) } ?? "NULL"
        return "INSERT INTO \(rows.sql) (\(list(pairs)), \(outside), \(place)) "
            + "SELECT \(selected), \(flag), \(cursor) FROM \(relation.sql) AS r"
    }

    /// Counts the copied rows that lie in the range.
    var countInside: String { "SELECT count(*) FROM \(rows.sql) WHERE NOT \(outside)" }

    /// Leaves of the rows of each key the newest; equal cursors are told apart by the other columns, so that the choice
    /// does not depend on where rows lie.
    var keepNewest: String {
        let keys = key.map { quoted($0.destination) + " COLLATE BINARY" }.joined(separator: ", ")
        let isKeyed = key.map { quoted($0.destination) + " IS NOT NULL" }.joined(separator: " AND ")
        let newestFirst =
            ["\(OrderFunction.name)(\(place)) DESC"] + pairs.map { quoted($0.destination) + " COLLATE BINARY DESC" }
        return """
            DELETE FROM \(rows.sql) WHERE \(number) IN (SELECT n FROM (SELECT \(number) AS n, row_number() OVER (\
            PARTITION BY \(keys) ORDER BY \(newestFirst.joined(separator: ", "))) AS nth FROM \(rows.sql) \
            WHERE \(isKeyed)) WHERE nth > 1)
            """
    }

    /// Drops the rows that lie elsewhere and whose key the destination does not hold in the range.
    var dropStrangers: String {
        let isNotStaged = shadow.map { shadow in
            " AND NOT EXISTS (SELECT 1 FROM \(shadow.sql) AS d WHERE \(rows.sameKey) AND \(isStaged(shadow)))"
        }
        return "DELETE FROM \(rows.sql) AS s WHERE \(outside) AND NOT EXISTS "
            + "(SELECT 1 FROM \(table.sql) AS d WHERE \(rows.sameKey) AND \(isThere))\(isNotStaged ?? "")"
    }

    // MARK: The destination's rows

    /// The condition that a row of the destination, `d`, lies in the range and is not marked as gone.
    private var isThere: String {
        let isMarked = deletes.isMarked("d").map { " AND NOT \($0)" } ?? ""
        return holds("d", column.destination, table.shape) + isMarked
    }

    /// The condition that a key, `d`, was copied.
    var isCopied: String { rows.isThere }
    /// The condition that a row that is not the destination's, `d`, lies in the range.
    var isInRange: String { scope.holds("d." + quoted(placeName)) }
    /// The destination's column that rows are sliced by.
    var placeName: String { column.destination }

    /// The condition that the value of a row in a column lies in the range.
    private func holds(_ row: String, _ column: String, _ shape: TableShape?) -> String {
        scope.holds("\(row).\(quoted(column))", asNumber: shape?.affinity(of: column)?.isNumeric ?? false)
    }

    /// The condition that the partition takes a row of the source where it is.
    private func isTaken(_ row: String) -> String {
        scope.cursor == nil ? holds(row, column.source, relation.shape) : scope.takes(row, column.source)
    }

    /// Counts the destination's rows in the range, no further than the parameter behind those of the scope.
    private(set) lazy var countThere = scope.count("\(table.sql) AS d WHERE \(isThere)")

    /// Stages the destination's rows in the range whose key is not copied, or not in the source's range.
    ///
    /// A join, which keeps its place in the source from row to row; a subquery would open the source for each.
    private(set) lazy var findGone: String = {
        let lacking =
            isInPlace
            ? "\(relation.sql) AS s ON \(rows.sameKey) AND \(isTaken("s"))"
            : "\(rows.sql) AS s ON \(rows.sameKey)"
        return "INSERT INTO \(PartitionRows.gone) SELECT \(list(key, of: "d")), "
            + "\(rowNumber == "NULL" ? "" : "d.")\(rowNumber) FROM \(table.sql) AS d LEFT JOIN \(lacking) "
            + "WHERE \(isThere) AND s.\(quoted(rows.key[0].source)) IS NULL"
    }()

    // MARK: Reading ahead

    /// Makes the table of the keys to look for elsewhere.
    var makeSought: [String] {
        [
            "DROP TABLE IF EXISTS \(PartitionRows.sought)",
            "CREATE TEMP TABLE _strandline_sought AS SELECT \(list(key)) FROM \(table.sql) WHERE 0",
        ]
    }

    /// Lay aside the keys of all rows that the destination, and what is staged, holds in the range.
    var findSought: [String] {
        let target = "INSERT INTO \(PartitionRows.sought) SELECT \(list(key, of: "d")) FROM"
        return ["\(target) \(table.sql) AS d WHERE \(isThere)"]
            + (shadow.map { ["\(target) \($0.sql) AS d WHERE \(isStaged($0))"] } ?? [])
    }

    /// Leave of them those that were not copied.
    var keepSought: [String] {
        [
            "DELETE FROM \(PartitionRows.sought) AS d WHERE EXISTS (SELECT 1 FROM \(rows.sql) AS s WHERE \(rows.sameKey))",
            "CREATE INDEX temp._strandline_sought_key ON _strandline_sought (\(list(key)))",
        ]
    }

    /// Counts the keys that are gone and were not looked for elsewhere; one that is NULL is nowhere else.
    var countUnsought: String {
        let same = key.map { "s.\(quoted($0.destination)) = d.\(quoted($0.destination)) COLLATE BINARY" }
        let isKeyed = key.map { "d.\(quoted($0.destination)) IS NOT NULL" }
        return "SELECT count(*) FROM \(PartitionRows.gone) AS d WHERE \(isKeyed.joined(separator: " AND ")) "
            + "AND NOT EXISTS (SELECT 1 FROM \(PartitionRows.sought) AS s WHERE \(same.joined(separator: " AND ")))"
    }

    // MARK: In the shadow

    /// The condition that a row of the shadow, `d`, lies in the range.
    private func isStaged(_ shadow: Shadow) -> String {
        "\(shadow.isAlive) AND \(scope.holds("d." + quoted(column.destination)))"
    }

    /// Adds those that earlier partitions have staged for the range: a row may have been on its way there then.
    var findStagedGone: String? {
        shadow.map { shadow in
            "INSERT INTO \(PartitionRows.gone) SELECT \(list(key, of: "d")), NULL FROM \(shadow.sql) AS d "
                + "WHERE \(isStaged(shadow)) AND NOT EXISTS (SELECT 1 FROM \(rows.sql) AS s WHERE \(rows.sameKey))"
        }
    }

    /// Stages what was copied, and the keys that are gone, as the partition at `order` among the backfill's commits.
    func stage(into shadow: Shadow, at order: Int) -> [String] {
        let own = "\(quoted(Shadow.kind)), \(quoted(Shadow.order))"
        let isKeyed = key.map { "\(quoted($0.destination)) IS NOT NULL" }.joined(separator: " AND ")
        return [
            "INSERT OR REPLACE INTO \(shadow.sql) (\(list(pairs)), \(own)) "
                + "SELECT \(list(pairs)), \(outside), \(order) FROM \(rows.sql)",
            "INSERT OR REPLACE INTO \(shadow.sql) (\(list(key)), \(own)) "
                + "SELECT \(list(key)), \(Shadow.Kind.gone), \(order) FROM \(PartitionRows.gone) WHERE \(isKeyed)",
        ]
    }

    /// Counts the copied rows without a key.
    var countNullKeys: String {
        let isNull = key.map { "\(quoted($0.destination)) IS NULL" }.joined(separator: " OR ")
        return "SELECT count(*) FROM \(rows.sql) WHERE \(isNull)"
    }

    /// Leaves of them those whose key was not found elsewhere either.
    private(set) lazy var keepGone: String = {
        let all = isInPlace ? relation.sql : rows.sql
        let isPassed = isInPlace ? scope.andPassed("s") : ""
        return "DELETE FROM \(PartitionRows.gone) AS d "
            + "WHERE EXISTS (SELECT 1 FROM \(all) AS s WHERE \(rows.sameKey)\(isPassed))"
    }()

    /// The condition that a row of the destination, `d`, is one of them.
    private(set) lazy var isGone: String = {
        guard rowNumber == "NULL" else { return "d.\(rowNumber) IN (SELECT \(place) FROM \(PartitionRows.gone))" }
        return "(\(list(key, of: "d"))) IN (SELECT \(list(key)) FROM \(PartitionRows.gone))"
    }()

    /// Finds a copied key that the destination holds twice.
    var doubledKey: String {
        "SELECT \(list(key, of: "s")) FROM \(rows.sql) AS s JOIN \(table.sql) AS d ON \(rows.sameKey) "
            + "GROUP BY s.\(number) HAVING count(*) > 1 LIMIT 1"
    }

    /// The statements that reload the range, for plans.
    var statements: [String] {
        let found =
            isInPlace
            ? [compare, findGone, compareMoved]
            : [copyInside, findGone, copyElsewhere(of: PartitionRows.gone), diff.fillStage]
        return found + [diff.deletes.statement(where: isGone)] + diff.writes
    }
}
