public import Platform
internal import SQLite

/// A connection as it is stored.
public struct StoredConnection: Sendable, Equatable {
    /// The name.
    public let name: String
    /// The definition as JSON text.
    public let definition: String
    /// Counts the changes, from 1; never given twice for one name.
    public let version: Int
    /// When it was made.
    public let createdAt: Timestamp
    /// When it last changed.
    public let updatedAt: Timestamp

    init(_ row: Row) throws(SQLiteError) {
        name = try row.text("name")
        definition = try row.text("definition")
        version = Int(try row.int("version"))
        createdAt = try row.timestamp("created_at")
        updatedAt = try row.timestamp("updated_at")
    }
}

extension ReadSession {
    /// The connection of a name; nil when there is none.
    public func connection(_ name: String) throws(StoreError) -> StoredConnection? {
        try first("read the connection", "SELECT * FROM connections WHERE name = ?", [.text(name)]) {
            row throws(SQLiteError) in try StoredConnection(row)
        }
    }

    /// Connections by name.
    public func connections(_ page: Page = Page()) throws(StoreError) -> Listing<StoredConnection> {
        let operation = "list the connections"
        let after = try page.name(operation)
        let found = try rows(
            operation, "SELECT * FROM connections WHERE name > ? ORDER BY name LIMIT ?",
            [.text(after ?? ""), Value(page.limit + 1)]
        ) { row throws(SQLiteError) in try StoredConnection(row) }
        return Listing(found, page) { $0.name }
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
    /// A change drops the copies of the watermarks in its file, for it may lead to another file now.
    public func putConnection(
        _ name: String, definition: String, expecting expectation: Expectation = .anything
    ) throws(StoreError) -> PutOutcome {
        let operation = "store the connection"
        let outcome = try put(.connection, name, definition, expecting: expectation, operation)
        if !outcome.unchanged { try dropWatermarks(destination: name, operation) }
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
