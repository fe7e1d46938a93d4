internal import Model
internal import SQLite

/// What a partition is loaded from and into, worked out from the step and both files as they are.
struct PartitionView {
    let relation: SourceRelation
    /// The destination's table as it is.
    let before: DestinationTable
    /// The same with the columns that it is about to be given.
    let table: DestinationTable
    let match: SchemaMatch
    /// The column that rows are sliced by.
    let column: SchemaMatch.Pair
    /// The columns that name a row; nil where nothing does, so that rows are told apart by all of their values.
    let key: [SchemaMatch.Pair]?

    /// Looks at both sides; refuses a table that is not there, and a column that cannot be sliced by.
    init(_ session: LoadSession, _ scheme: PartitionScheme, _ scope: PartitionScope) throws(LoadStop) {
        let request = session.request
        before = try session.destination()
        guard before.shape != nil else { throw .failure(Loader.nothingToReload(request)) }
        relation = try session.relation()
        match = try SchemaMatch(source: relation.shape, destination: before.shape, step: request.step)
        table = before.prepared(match, relation)
        column = try PartitionView.column(scheme, match, before, scope)
        key = try PartitionView.key(relation, match, before)
        try refuseHidden(scope, session)
    }

    /// Whether the same rows would be read and converted in the same way; the rows themselves may be others.
    func isAlike(_ other: PartitionView) -> Bool {
        relation.shape == other.relation.shape && relation.sql == other.relation.sql
            && relation.sourceNames == other.relation.sourceNames && before.shape == other.before.shape
            && match.pairs == other.match.pairs && match.added == other.match.added && column == other.column
            && key == other.key
    }

    /// The column that the rows are sliced by; it must be loaded, and hold values that have an order.
    private static func column(
        _ scheme: PartitionScheme, _ match: SchemaMatch, _ table: DestinationTable, _ scope: PartitionScope
    ) throws(LoadStop) -> SchemaMatch.Pair {
        let name = scheme.column
        let (step, added) = (table.step, match.added.map { fold($0.name) })
        let pairs = match.pairs.filter { !added.contains(fold($0.destination)) }
        guard let pair = pairs.first(where: { fold($0.destination) == fold(name) }) else {
            throw .failure(
                Failure(
                    .unknownColumn, "\(step.destination.table) has no column \(name) that step \(step.name) loads",
                    hint: "slice by one of \(pairs.map(\.destination).joined(separator: ", "))",
                    field: "partition_by.column"))
        }
        guard scope.order == .instants || table.shape?.affinity(of: pair.destination) != .text else {
            throw .failure(
                Failure(
                    .cursorFormat,
                    "column \(name) of \(step.destination.table) holds texts, which cannot be sliced as numbers",
                    hint: "declare the column INTEGER, or slice by another one", field: "partition_by.column"))
        }
        return pair
    }

    /// Refuses numbers that the destination stores as others than the source has: they would lie in another partition on
    /// each side, or in none, and rows be passed over, doubled or removed.
    ///
    /// Asked for each partition, since it is about the values that are there now. Looks only where that can be: at texts of
    /// a column that is no number's where the destination's is, and at whole numbers that are rounded.
    func refuseHidden(_ scope: PartitionScope, _ session: LoadSession) throws(LoadStop) {
        let pair = self.column
        guard scope.order != .instants, let shape = before.shape, let there = shape.affinity(of: pair.destination),
            there != .none, there != .text
        else { return }
        let here = relation.shape.affinity(of: pair.source) ?? .none
        let column = "r." + quoted(pair.source)
        var found: CursorValue?
        if here == .none || here == .text {
            // A text equals its number only where it looks like one, and then the destination makes it one.
            found = try session.value(
                "SELECT \(column) FROM \(relation.sql) AS r WHERE typeof(\(column)) = 'text' "
                    + "AND \(column) COLLATE BINARY >= '' AND \(column) = CAST(\(column) AS NUMERIC) LIMIT 1")
        }
        if found == nil, there == .real, scope.reachesBeyondExactReals {
            found = try session.value(
                "SELECT \(column) FROM \(relation.sql) AS r WHERE typeof(\(column)) = 'integer' "
                    + "AND \(column) <> CAST(\(column) AS REAL) LIMIT 1")
        }
        guard let found else { return }
        throw .failure(
            Failure(
                .cursorFormat,
                "column \(pair.source) holds \(found.json.text()), which \(shape.name) stores as another value: in "
                    + "partitions such rows would be passed over",
                hint:
                    "load it as what the destination stores, as with columns: { cast: { \(pair.source): integer } }, or slice "
                    + "by another column", field: "partition_by.column"))
    }

    /// The step's key, else the one that the source declares; where versions of a row are kept only if the table keeps
    /// it unique all the same.
    private static func key(
        _ relation: SourceRelation, _ match: SchemaMatch, _ table: DestinationTable
    ) throws(LoadStop) -> [SchemaMatch.Pair]? {
        let step = table.step
        let names = step.primaryKey.isEmpty ? relation.shape.declaredKey.map(\.name) : step.primaryKey
        let keepsVersions = step.writeMode == .append && step.strategy.isIncremental
        if !names.isEmpty, !keepsVersions || table.shape?.isUnique(names) ?? false {
            return try SnapshotRows.key(relation, match, step)
        }
        guard table.shape?.rowNumberName == nil else { return nil }
        // Without numbers its rows have a key of their own.
        let own = table.shape?.declaredKey ?? []
        let key = own.compactMap { column in match.pairs.first { fold($0.destination) == fold(column.name) } }
        guard key.count == own.count, !key.isEmpty else {
            throw .failure(
                Failure(
                    .missingKey, "the rows of \(step.destination.table) have neither numbers nor a key that is loaded",
                    hint: "name the columns that identify a row, such as primary_key: [id]", field: "primary_key"))
        }
        return key
    }

    /// The statements that reload the range of `scope`, for plans.
    func statements(_ scope: PartitionScope) -> [String] {
        guard let key else {
            let rows = PartitionValues(relation, match.pairs, column: column, table, scope)
            return [
                rows.copyInside.sql, rows.compare.sql, DeleteWrite(table).statement(where: rows.isGone), rows.insert,
            ]
        }
        return PartitionRows(relation, match.pairs, key: key, column: column, table, scope).statements
    }
}
