internal import SQLite

extension ReadSession {
    /// The connection of a name; nil when there is none.
    public func connection(_ name: String) throws(StoreError) -> StoredDefinition? { try definition(.connection, name) }

    /// Connections by name.
    public func connections(_ page: Page = Page()) throws(StoreError) -> Listing<StoredDefinition> {
        try definitions(.connection, page)
    }

    /// The names of the pipelines that use a connection, in order.
    public func pipelines(using connection: String) throws(StoreError) -> [String] {
        try rows(
            "list the pipelines of a connection",
            "SELECT pipeline FROM pipeline_connections WHERE connection = ? ORDER BY pipeline", [.text(connection)]
        ) { row throws(SQLiteError) in try row.text("pipeline") }
    }
}

extension Transaction {
    /// Stores a connection's definition, JSON text; the same text again changes nothing.
    ///
    /// A change drops the copies of the watermarks in its file, and the clocks of what writes there, for it may lead to another
    /// file now.
    public func putConnection(
        _ name: String, definition: String, expecting expectation: Expectation = .anything
    ) throws(StoreError) -> PutOutcome {
        let operation = "store the connection"
        let outcome = try put(.connection, name, definition, expecting: expectation, operation)
        if !outcome.unchanged {
            try dropWatermarks(destination: name, operation)
            try restartClocks(destination: name, operation)
        }
        return outcome
    }

    /// Removes a connection; refused as `inUse`, with their names, while pipelines use it.
    public func deleteConnection(
        _ name: String, expecting expectation: Expectation = .anything
    ) throws(StoreError) {
        let operation = "delete the connection"
        let users = try pipelines(using: name)
        guard users.isEmpty else {
            throw StoreError(
                .inUse, operation, "the connection \(name) is used by \(users.joined(separator: ", "))",
                hint: "change or delete these pipelines first")
        }
        try delete(.connection, name, expecting: expectation, operation)
    }
}
