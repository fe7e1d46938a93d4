internal import Model
internal import SQLite

/// The SQL that finds how a partition's rows differ from the source's where no key names a row: as two bags of rows,
/// told apart by all of their loaded values, to the byte and the storage class.
///
/// Pure. Of equal rows as many stay as the source has.
struct PartitionValues {
    static let stage = "temp._strandline_diff"

    /// What stands behind FROM for the copied rows of the source.
    let copy = SnapshotRows.copy
    let scope: PartitionScope
    let table: DestinationTable
    private let relation: SourceRelation
    private let pairs: [SchemaMatch.Pair]
    private let column: SchemaMatch.Pair
    private let deletes: DeleteWrite
    /// The name by which the copy's row numbers are reached.
    private let number: String

    /// Which side a staged row is of.
    private enum Side {
        static let source = 0
        static let destination = 1
    }

    init(
        _ relation: SourceRelation, _ pairs: [SchemaMatch.Pair], column: SchemaMatch.Pair, _ table: DestinationTable,
        _ scope: PartitionScope
    ) {
        self.scope = scope
        self.table = table
        self.relation = relation
        self.pairs = pairs
        self.column = column
        deletes = DeleteWrite(table)
        number = freeRowNumber(among: pairs.map(\.destination)) ?? "rowid"
    }

    private var columns: String { pairs.map { quoted($0.destination) }.joined(separator: ", ") }
    private var rowNumber: String { table.shape?.rowNumberName ?? "NULL" }

    /// The tables that the rows are staged in.
    var stage: [StageTable] {
        [
            StageTable(
                name: copy,
                make: ["CREATE TEMP TABLE _strandline_source AS SELECT \(columns) FROM \(table.sql) WHERE 0"]),
            StageTable(
                name: PartitionValues.stage,
                make: [
                    "CREATE TEMP TABLE _strandline_diff (side INTEGER NOT NULL, number INTEGER NOT NULL, "
                        + "PRIMARY KEY (side, number)) WITHOUT ROWID"
                ]),
        ]
    }

    /// Copies the source's rows of the range.
    var copyInside: DeltaStatement.Text {
        let selected = pairs.map { "r." + quoted($0.source) }.joined(separator: ", ")
        return scope.text(
            "INSERT INTO \(copy) (\(columns)) SELECT \(selected) FROM \(relation.sql) AS r "
                + "WHERE \(scope.takes("r", column.source))")
    }

    /// The condition that a row of the destination, `d`, lies in the range and is not marked as gone.
    private var isThere: String {
        scope.holds("d." + quoted(column.destination)) + (deletes.isMarked("d").map { " AND NOT \($0)" } ?? "")
    }

    /// Counts the destination's rows in the range, no further than the parameter behind those of the scope.
    var countThere: String { scope.count("\(table.sql) AS d WHERE \(isThere)") }

    /// Stages the rows of each side that are more than the other side has of their kind.
    var compare: DeltaStatement.Text {
        // Names that no column bears, whatever the columns are.
        let places = pairs.indices.map { "v\($0)" }
        func values(_ row: String) -> String {
            pairs.indices.map { "\(row).\(quoted(pairs[$0].destination)) COLLATE BINARY AS \(places[$0])" }
                .joined(separator: ", ")
        }
        let kind = (places + places.map { "typeof(\($0))" }).joined(separator: ", ")
        return scope.text(
            """
            INSERT INTO \(PartitionValues.stage) SELECT side, number FROM (SELECT side, number, \
            row_number() OVER (PARTITION BY \(kind), side) AS nth, \
            count(*) FILTER (WHERE side = \(Side.source)) OVER (PARTITION BY \(kind)) AS here, \
            count(*) FILTER (WHERE side = \(Side.destination)) OVER (PARTITION BY \(kind)) AS there FROM (\
            SELECT \(values("s")), \(Side.source) AS side, s.\(number) AS number FROM \(copy) AS s UNION ALL \
            SELECT \(values("d")), \(Side.destination), d.\(rowNumber) FROM \(table.sql) AS d WHERE \(isThere))) \
            WHERE nth > CASE side WHEN \(Side.source) THEN there ELSE here END
            """)
    }

    /// The condition that a row of the destination, `d`, is not in the source.
    var isGone: String { "d.\(rowNumber) IN (\(gone))" }
    /// The same for a row without a name.
    var isGoneHere: String { "\(rowNumber) IN (\(gone))" }
    private var gone: String { "SELECT number FROM \(PartitionValues.stage) WHERE side = \(Side.destination)" }

    /// Counts the rows that are not in the source.
    var countGone: String { "SELECT count(*) FROM \(PartitionValues.stage) WHERE side = \(Side.destination)" }

    /// The rows that the destination lacks, as they stand behind FROM.
    var missing: String {
        "\(copy) AS s WHERE s.\(number) IN (SELECT number FROM \(PartitionValues.stage) WHERE side = \(Side.source))"
    }

    /// Writes the rows that the destination lacks.
    var insert: String {
        let selected = pairs.map { "s." + quoted($0.destination) }.joined(separator: ", ")
        return "\(table.insert) (\(columns)) SELECT \(selected) FROM \(missing)"
    }
}
