internal import Model
internal import SQLite

/// The SQL that finds, and then writes, how a destination differs from all the rows of a source.
///
/// Pure: a plan shows the statements that a run executes. What differs is staged first, in one pass over the source
/// with a look into the destination by its key; then plain statements without functions write it, row by row only what
/// changed.
final class RowDiff {
    static let stage = "temp._strandline_diff"

    let source: SnapshotRows
    let table: DestinationTable
    let deletes: DeleteWrite

    /// Where the stage says what a row was in the destination: `Found`.
    private let found: String

    /// What a staged row is in the destination.
    enum Found {
        static let nowhere = 0
        static let changed = 1
        static let marked = 2
    }

    init(_ source: SnapshotRows, _ table: DestinationTable) {
        self.source = source
        self.table = table
        deletes = DeleteWrite(table)
        found = quoted(freeName("strandline_found", among: source.pairs.map(\.destination)))
    }

    private var columns: String { source.pairs.map { quoted($0.destination) }.joined(separator: ", ") }

    /// The columns that may differ though the key is the same; a key without affinity may be 1 here and 1.0 there.
    private var compared: [SchemaMatch.Pair] {
        source.pairs.filter {
            !source.key.contains($0) || table.shape?.affinity(of: $0.destination) == Affinity.none
        }
    }

    /// Makes the stage, whose columns convert as the destination's do.
    var makeStage: String {
        "CREATE TEMP TABLE _strandline_diff AS SELECT \(columns), 0 AS \(found) FROM \(table.sql) WHERE 0"
    }

    /// Stages the rows that are new, changed, or back.
    private(set) lazy var fillStage: String = {
        let isNew = "d.\(quoted(source.key[0].destination)) IS NULL"
        let marked = deletes.isMarked("d")
        let differs = DestinationTable.differs(compared, table.shape, old: "d", new: "s")
        let conditions = [isNew] + (compared.isEmpty ? [] : [differs]) + [marked].compactMap { $0 }
        return """
            INSERT INTO \(RowDiff.stage) SELECT \(source.selected("s")), \
            (NOT \(isNew))\(marked.map { " + (\($0))" } ?? "") \
            FROM \(source.sql) AS s LEFT JOIN \(table.sql) AS d ON \(source.sameKey) \
            WHERE \(conditions.joined(separator: " OR "))
            """
    }()

    /// Counts the staged rows of which that was found in the destination.
    func count(_ what: Int) -> String { "SELECT count(*) FROM \(RowDiff.stage) WHERE \(found) = \(what)" }

    /// Counts the staged rows without a key; they match no row, so all of them are staged.
    var countNullKeys: String {
        let isNull = source.key.map { "\(quoted($0.destination)) IS NULL" }.joined(separator: " OR ")
        return "SELECT count(*) FROM \(RowDiff.stage) WHERE \(isNull)"
    }

    /// Whether the destination itself finds a row by its key, and no two rows have the same.
    var isUnique: Bool {
        let names = Set(source.key.map { fold($0.destination) })
        return table.shape?.uniqueKeys.contains { $0.columns == names && $0.isBinary } ?? false
    }

    /// The staged rows, `count` in number, as they will be written; nil where their key does not find those that are there.
    func stagedRows(_ count: Int) -> StagedRows? {
        guard isUnique else { return nil }
        return StagedRows(
            sql: RowDiff.stage, columns: source.pairs.map(\.destination), updated: compared.map(\.destination),
            key: source.key.map(\.destination), differs: "true", cleared: deletes.column, count: count)
    }

    /// The statements that write what is staged; together they write each of its rows once.
    ///
    /// An upsert looks each row up once, where an update through a join does it twice, but needs a unique key.
    private(set) lazy var writes: [String] = {
        let insert = "\(table.insert) (\(columns)) SELECT \(columns) FROM \(RowDiff.stage) WHERE"
        guard let changes = changes(from: isUnique ? "excluded" : "s") else { return ["\(insert) true"] }
        if isUnique {
            let key = source.key.map { quoted($0.destination) }.joined(separator: ", ")
            return ["\(insert) true ON CONFLICT (\(key)) DO UPDATE SET \(changes)"]
        }
        let same = source.key.map { "d.\(quoted($0.destination)) = s.\(quoted($0.destination)) COLLATE BINARY" }
        let update = """
            UPDATE OR ROLLBACK \(table.sql) AS d SET \(changes) FROM \(RowDiff.stage) AS s \
            WHERE s.\(found) > \(Found.nowhere) AND \(same.joined(separator: " AND "))
            """
        return [update, "\(insert) \(found) = \(Found.nowhere)"]
    }()

    /// The assignments to a row that changed or is back; nil where no column can differ.
    private func changes(from row: String) -> String? {
        let changes =
            compared.map { "\(quoted($0.destination)) = \(row).\(quoted($0.destination))" }
            + [deletes.unmark].compactMap { $0 }
        return changes.isEmpty ? nil : changes.joined(separator: ", ")
    }

    /// Counts the staged rows that the destination does not hold as they were written.
    var countRewritten: String? {
        let pairs = compared.map { SchemaMatch.Pair(source: $0.destination, destination: $0.destination) }
        guard !pairs.isEmpty else { return nil }
        let same = source.key.map { "s.\(quoted($0.destination)) = d.\(quoted($0.destination)) COLLATE BINARY" }
        return
            "SELECT count(*) FROM \(RowDiff.stage) AS s JOIN \(table.sql) AS d ON \(same.joined(separator: " AND ")) "
            + "WHERE \(DestinationTable.differs(pairs, table.shape, old: "d", new: "s"))"
    }

    /// Finds a key that the destination holds twice.
    var doubledKey: String {
        let key = source.key.map { quoted($0.destination) }
        let group = key.map { $0 + " COLLATE BINARY" }.joined(separator: ", ")
        return "SELECT \(key.joined(separator: ", ")) FROM \(table.sql) "
            + "WHERE \(key.map { $0 + " IS NOT NULL" }.joined(separator: " AND ")) "
            + "GROUP BY \(group) HAVING count(*) > 1 LIMIT 1"
    }

    /// The statements in their order, for plans; with the keys laid aside where `kept` keeps the rows.
    func statements(_ kept: UndoTable?) -> [String] {
        [makeStage, fillStage] + deletes.statements(where: source.isGone, keeping: kept) + writes
    }
}
