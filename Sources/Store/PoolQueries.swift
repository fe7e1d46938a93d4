internal import SQLite

extension ReadSession {
    /// The pool of a name; nil when there is none.
    public func pool(_ name: String) throws(StoreError) -> StoredDefinition? { try definition(.pool, name) }

    /// Pools by name.
    public func pools(_ page: Page = Page()) throws(StoreError) -> Listing<StoredDefinition> {
        try definitions(.pool, page)
    }
}

extension Transaction {
    /// Stores a pool's definition, JSON text; the same text again changes nothing.
    public func putPool(
        _ name: String, definition: String, expecting expectation: Expectation = .anything
    ) throws(StoreError) -> PutOutcome {
        try put(.pool, name, definition, expecting: expectation, "store the pool")
    }

    /// Removes a pool; refused as `inUse`, with their names, while pipelines use it.
    public func deletePool(_ name: String, expecting expectation: Expectation = .anything) throws(StoreError) {
        let operation = "delete the pool"
        let users = try rows(
            operation, "SELECT pipeline FROM pipeline_pools WHERE pool = ? ORDER BY pipeline", [.text(name)]
        ) { row throws(SQLiteError) in try row.text("pipeline") }
        guard users.isEmpty else {
            throw StoreError(
                .inUse, operation, "the pool \(name) is used by \(users.joined(separator: ", "))",
                hint: "change or delete these pipelines first")
        }
        try delete(.pool, name, expecting: expectation, operation)
    }

    /// Notes the pool that a pipeline uses; refused as `unknownPool` when it is not stored.
    func putPool(_ pool: String?, of pipeline: String, _ operation: String) throws(StoreError) {
        try run(operation, "DELETE FROM pipeline_pools WHERE pipeline = ?", [.text(pipeline)])
        guard let pool else { return }
        guard try self.pool(pool) != nil else {
            throw StoreError(
                .unknownPool, operation, "the pipeline \(pipeline) uses the pool \(pool), which is unknown",
                hint: "PUT /v1/pools/\(pool) first, or correct the name")
        }
        try run(
            operation, "INSERT INTO pipeline_pools (pipeline, pool) VALUES (?, ?)", [.text(pipeline), .text(pool)])
    }
}
