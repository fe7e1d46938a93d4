public import Platform
internal import SQLite

/// A connection or a pool as it is stored.
public struct StoredDefinition: Sendable, Equatable {
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
    /// What is stored under a name; nil when nothing is.
    func definition(_ kind: Versioned, _ name: String) throws(StoreError) -> StoredDefinition? {
        try first("read the \(kind)", "SELECT * FROM \(kind.table) WHERE name = ?", [.text(name)]) {
            row throws(SQLiteError) in try StoredDefinition(row)
        }
    }

    /// What is stored of a kind, by name.
    func definitions(_ kind: Versioned, _ page: Page) throws(StoreError) -> Listing<StoredDefinition> {
        let operation = "list the \(kind.table)"
        let after = try page.name(operation)
        let found = try rows(
            operation, "SELECT * FROM \(kind.table) WHERE name > ? ORDER BY name LIMIT ?",
            [.text(after ?? ""), Value(page.limit + 1)]
        ) { row throws(SQLiteError) in try StoredDefinition(row) }
        return Listing(found, page) { $0.name }
    }
}
