public import Platform
internal import SQLite

/// A connection, a pipeline or a pool as it is stored.
public struct StoredDefinition: Sendable, Equatable {
    /// The name.
    public let name: String
    /// The definition, a pipeline's document, as JSON text.
    public let definition: String
    /// Counts the changes, from 1; never given twice for one name.
    public let version: Int
    /// When it was made.
    public let createdAt: Timestamp
    /// When it last changed.
    public let updatedAt: Timestamp

    init(_ row: Row, _ kind: Versioned) throws(SQLiteError) {
        name = try row.text("name")
        definition = try row.text(kind.body)
        version = Int(try row.int("version"))
        createdAt = try row.timestamp("created_at")
        updatedAt = try row.timestamp("updated_at")
    }
}

extension ReadSession {
    /// What is stored under a name; nil when nothing is.
    func definition(_ kind: Versioned, _ name: String) throws(StoreError) -> StoredDefinition? {
        try first(kind, name) { row throws(SQLiteError) in try StoredDefinition(row, kind) }
    }

    /// What is stored of a kind, by name.
    func definitions(_ kind: Versioned, _ page: Page) throws(StoreError) -> Listing<StoredDefinition> {
        try listing(kind, page, name: \.name) { row throws(SQLiteError) in try StoredDefinition(row, kind) }
    }
}
