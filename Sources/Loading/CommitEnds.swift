internal import Model
internal import SQLite

/// The cursor values at which the commits of a large load end, found in one go before the first.
struct CommitEnds {
    let session: LoadSession
    let delta: DeltaStatement
    let rowsPerCommit: Int

    /// The places, rising, that lie about `rowsPerCommit` rows apart in `range`; the rows after the last of them are one
    /// to two times as many. Rows that share a cursor value are never parted.
    func find(_ range: DeltaRange, upTo highest: CursorKey) throws(LoadStop) -> [CursorKey] {
        let values = delta.isOrdered ? try byIndex(range) : try bySorting(range)
        let places = values.compactMap { CursorValue($0).flatMap { session.order.key($0) } }
        var ends: [CursorKey] = []
        for end in places where end.compare(highest) < 0 {
            // An index orders texts, which for different offsets is only nearly the order of the instants.
            if let last = ends.last ?? range.lower, end.compare(last) <= 0 { continue }
            ends.append(end)
        }
        // Behind the last place lie fewer rows than a commit holds; they go with those before it.
        if let last = places.last, last.compare(highest) < 0 { _ = ends.popLast() }
        return ends
    }

    /// Leaps through the index.
    private func byIndex(_ range: DeltaRange) throws(LoadStop) -> [Value] {
        let column = quoted(delta.cursor)
        var from = "\(column) IS NOT NULL"
        var parameters: [Value] = []
        if let lower = range.lower, let bound = delta.bound(below: lower) {
            from = "\(delta.place) >= ?"
            parameters = [bound]
        }
        var values: [Value] = []
        while true {
            let value = try session.connection.stopping { db throws(SQLiteError) in
                try db.first(
                    "SELECT \(column) FROM \(delta.relation.sql) WHERE \(from) ORDER BY \(delta.place) LIMIT 1 OFFSET ?",
                    parameters + [Value(rowsPerCommit - 1)])
            }
            guard let value else { return values }
            values.append(value[0])
            from = "\(delta.place) > ?"
            parameters = [value[0]]
        }
    }

    /// Sorts the cursors, once.
    private func bySorting(_ range: DeltaRange) throws(LoadStop) -> [Value] {
        var look = range
        look.includesNull = false
        look.includesFuture = false
        session.probe.reset(look, readBefore: nil)
        let condition = delta.condition(look, gate: DeltaGate.probeName)
        let column = quoted(delta.cursor)
        let rows = try session.connection.stopping { db throws(SQLiteError) in
            try db.rows(
                """
                SELECT strandline_cursor FROM (SELECT \(column) AS strandline_cursor, \
                row_number() OVER (ORDER BY \(OrderFunction.name)(\(column))) AS strandline_number \
                FROM \(delta.relation.sql) WHERE \(condition.sql)) WHERE strandline_number % ? = 0
                """, condition.parameters + [Value(rowsPerCommit)])
        }
        return rows.map { $0[0] }
    }
}
