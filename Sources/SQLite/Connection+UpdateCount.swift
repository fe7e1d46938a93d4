internal import CSQLite

extension Connection {
    /// Runs `body` and counts the rows of `main` that its statements update themselves, not those that triggers do.
    ///
    /// An upsert's own figure does not tell inserted rows from updated ones. A hook does, at less cost than a function
    /// in the statement: a statement that calls one may fail half-way, so SQLite keeps the old pages of it in a file.
    public func countingUpdates<Result, E: Error>(
        _ body: () throws(E) -> Result
    ) throws(E) -> (result: Result, updates: Int) {
        guard let database = try? database(for: "count updates") else { return (try body(), 0) }
        let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        count.initialize(to: 0)
        _ = sqlite3_preupdate_hook(
            database,
            { count, database, operation, schema, _, _, _ in
                guard operation == SQLITE_UPDATE, sqlite3_preupdate_depth(database) == 0, let schema,
                    schema[0] == CChar(UInt8(ascii: "m")), schema[4] == 0
                else { return }
                count?.assumingMemoryBound(to: Int.self).pointee += 1
            }, count)
        defer {
            _ = sqlite3_preupdate_hook(database, nil, nil)
            count.deallocate()
        }
        let result = try body()
        return (result, count.pointee)
    }
}
