internal import Model
internal import Platform
internal import SQLite

/// Counts the rows of partitions, and looks how the engine would find them.
struct PartitionCount {
    let session: LoadSession
    let view: PartitionView
    let scopes: [PartitionScope]
    let ahead: AheadRows?

    private var here: String { "r." + quoted(view.column.source) }
    private var there: String { "d." + quoted(view.column.destination) }
    private var source: String { "\(view.relation.sql) AS r" }
    private var destination: String { "\(view.table.sql) AS d" }

    func estimates() throws(LoadStop) -> PartitionEstimates {
        // The destination is looked at first, so that its state is fixed before the source's.
        let isThere = DeleteWrite(view.table).isMarked("d").map { "NOT \($0) AND " } ?? ""
        let (written, _) = try tally("\(destination) WHERE \(isThere)\(PartitionTally.name)(\(there))")
        let gate = PartitionGate(session.order, progress: LoadProgress())
        try gate.register(on: session.connection)
        gate.ahead.open(ahead?.range)
        var counting = "\(PartitionTally.name)(\(here))"
        if let cursor = scopes[0].cursor {
            counting =
                "CASE WHEN \(AheadGate.name)(r.\(quoted(cursor))) THEN \(PartitionTally.leftName)(\(here)) "
                + "ELSE \(counting) END"
        }
        let (read, left) = try tally("\(source) WHERE \(counting)")
        if read.counts.allSatisfy({ $0 == 0 }), read.unplaced.unordered > 0 {
            try view.refuseUnplaced(scopes[0], session)
        }
        let whole = PartitionRange(start: scopes[0].range.start, end: scopes[scopes.count - 1].range.end)
        return PartitionEstimates(
            partitions: zip(read.counts, written.counts).map {
                PartitionEstimate(sourceRows: $0, destinationRows: $1)
            },
            unplaced: read.unplaced, bytesPerRow: try bytesPerRow(read.counts, gate),
            statements: view.statements(scopes[0]), fullScans: try scans(), sourceIndexes: sourceIndexes,
            destinationIndexes: destinationIndexes,
            warnings: view.match.warnings
                + AheadRows.warnings(left.counts.reduce(0, +), of: whole.text) + (try triggerWarnings()))
    }

    /// Tells of triggers, which may write rows that nothing is kept of.
    private func triggerWarnings() throws(LoadStop) -> [LoadWarning] {
        guard session.request.step.undo != nil, try view.before.hasTriggers(session.connection) else { return [] }
        return [
            LoadWarning(
                code: "undo_triggers",
                message:
                    "\(view.table.step.destination.table) has triggers: should one of them change other rows of it than are "
                    + "reloaded, this could not be rolled back")
        ]
    }

    /// Counts rows in one pass: those that are let through to either function.
    private func tally(_ from: String) throws(LoadStop) -> (all: PartitionTally, left: PartitionTally) {
        let (all, left) = (PartitionTally(scopes), PartitionTally(scopes))
        try session.connection.stopping { db throws(SQLiteError) in
            for (name, tally) in [(PartitionTally.name, all), (PartitionTally.leftName, left)] {
                try db.createFunction(ScalarFunction(name: name, arguments: 1, isDeterministic: false, body: tally))
            }
        }
        _ = try session.integer("SELECT count(*) FROM \(from)")
        return (all, left)
    }

    /// The bytes of a row's values, by the first rows of the first, the middle and the last partition that have some.
    private func bytesPerRow(_ counts: [Int], _ gate: PartitionGate) throws(LoadStop) -> Double? {
        let filled = counts.indices.filter { counts[$0] > 0 }
        let sizes = view.match.pairs.map { pair in
            let column = "r." + quoted(pair.source)
            return "CASE typeof(\(column)) WHEN 'null' THEN 0 WHEN 'integer' THEN 8 WHEN 'real' THEN 8 "
                + "ELSE length(CAST(\(column) AS BLOB)) END"
        }
        var (rows, bytes) = (0, 0)
        for place in Set([filled.first, filled[safe: filled.count / 2], filled.last].compactMap { $0 }) {
            let scope = scopes[place]
            gate.open(scope, LoadProgress())
            let text = scope.text(
                "SELECT count(*), sum(strandline_size) FROM (SELECT \(sizes.joined(separator: " + ")) AS strandline_size "
                    + "FROM \(source) WHERE \(scope.holds(here)) LIMIT \(Limits.sampledRows))")
            let row = try session.connection.stopping { db throws(SQLiteError) in
                try db.first(text.sql, text.parameters)
            }
            rows += Int(row?[0].integer ?? 0)
            bytes += Int(row?[1].integer ?? 0)
        }
        return rows > 0 ? Double(bytes) / Double(rows) : nil
    }

    // MARK: How rows are found

    /// The tables that each partition would read in full, by the names that their files have for them.
    private func scans() throws(LoadStop) -> [String] {
        let scope = scopes[0]
        var names: [String] = []
        for (from, column, name) in [
            (source, here, view.relation.shape.name), (destination, there, view.table.shape?.name ?? ""),
        ] {
            let text = scope.text("EXPLAIN QUERY PLAN SELECT * FROM \(from) WHERE \(scope.holds(column))")
            let plan = try session.connection.stopping { db throws(SQLiteError) in
                try db.rows(text.sql, text.parameters).compactMap { $0["detail"].string }
            }
            if plan.contains(where: { $0.hasPrefix("SCAN ") }), !names.contains(name) { names.append(name) }
        }
        return names
    }

    private var sourceIndexes: [String] {
        let key = view.key?.first.map { pair in
            view.relation.shape.isUnique(view.key?.map(\.source) ?? [])
                ? nil : view.relation.suggestedIndex(on: pair.source)
        }
        return [view.relation.suggestedIndex(on: view.column.source), key ?? nil].compactMap { $0 }
    }

    private var destinationIndexes: [String] {
        guard let shape = view.table.shape else { return [] }
        let columns = [view.column.destination] + [view.key?.first?.destination].compactMap { $0 }
        return columns.filter { !shape.orderedBy.contains(fold($0)) }.map {
            IndexSuggestion.statement(column: $0, of: shape.name)
        }
    }
}

extension Array {
    /// The element at a place; nil behind the end.
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
