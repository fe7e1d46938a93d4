internal import CSQLite

extension Connection {
    /// Runs `body` and tells `report`, whenever another `interval` rows were inserted into tables of `main`, how many
    /// they are by then.
    ///
    /// A hook costs the statement next to nothing, and leaves it to SQLite's fastest way of copying. It is not called
    /// for tables WITHOUT ROWID. `report` must not use the connection.
    public func reportingInserts<Result, E: Error>(
        every interval: Int, _ report: @escaping (Int) -> Void, _ body: () throws(E) -> Result
    ) throws(E) -> Result {
        guard let database = try? database(for: "report inserts") else { return try body() }
        let inserts = UnsafeMutablePointer<Inserts>.allocate(capacity: 1)
        inserts.initialize(to: Inserts(interval: interval, next: interval, report: report))
        _ = sqlite3_update_hook(
            database,
            { context, operation, schema, _, _ in
                guard operation == SQLITE_INSERT, let schema, schema[0] == CChar(UInt8(ascii: "m")), schema[4] == 0,
                    let inserts = context?.assumingMemoryBound(to: Inserts.self)
                else { return }
                inserts.pointee.count &+= 1
                if inserts.pointee.count == inserts.pointee.next { inserts.pointee.tell() }
            }, inserts)
        defer {
            _ = sqlite3_update_hook(database, nil, nil)
            inserts.deinitialize(count: 1)
            inserts.deallocate()
        }
        return try body()
    }
}

private struct Inserts {
    let interval: Int
    var count = 0
    var next: Int
    let report: (Int) -> Void

    mutating func tell() {
        next &+= interval
        report(count)
    }
}
