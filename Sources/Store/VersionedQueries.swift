internal import SQLite

/// What the caller of a change has seen before.
public enum Expectation: Sendable, Equatable {
    /// Whatever is there.
    case anything
    /// Nothing is there.
    case absent
    /// Something is there, in whatever version.
    case present
    /// This version is there.
    case version(Int)
}

/// What a `put` did.
public struct PutOutcome: Sendable, Equatable {
    /// The version that is now stored.
    public let version: Int
    /// Whether nothing was stored under the name before.
    public let created: Bool
    /// Whether the same was stored already; then the version stays.
    public let unchanged: Bool
}

/// A kind of named document with versions.
enum Versioned: String {
    case connection, pipeline, pool, webhook

    var table: String { rawValue + "s" }
    var body: String { self == .pipeline ? "document" : "definition" }
    var unknown: StoreError.Code {
        switch self {
        case .connection: .unknownConnection
        case .pipeline: .unknownPipeline
        case .webhook: .unknownWebhook
        case .pool: .unknownPool
        }
    }
}

extension ReadSession {
    /// What is stored under a name; nil when nothing is.
    func first<Item>(
        _ kind: Versioned, _ name: String, _ read: (Row) throws(SQLiteError) -> Item
    ) throws(StoreError) -> Item? {
        try first("read the \(kind)", "SELECT * FROM \(kind.table) WHERE name = ?", [.text(name)], read)
    }

    /// What is stored of a kind, by name.
    func listing<Item: Sendable>(
        _ kind: Versioned, _ page: Page, name: (Item) -> String, _ read: (Row) throws(SQLiteError) -> Item
    ) throws(StoreError) -> Listing<Item> {
        let operation = "list the \(kind.table)"
        let after = try page.name(operation)
        let found = try rows(
            operation, "SELECT * FROM \(kind.table) WHERE name > ? ORDER BY name LIMIT ?",
            [.text(after ?? ""), Value(page.limit + 1)], read)
        return Listing(found, page, cursor: name)
    }

    /// Refuses unless what is stored under `name` is what the caller has seen; answers the stored version.
    func version(
        _ kind: Versioned, _ name: String, expecting expectation: Expectation, _ operation: String
    ) throws(StoreError) -> Int? {
        let version = try first(operation, "SELECT version FROM \(kind.table) WHERE name = ?", [.text(name)]) {
            row throws(SQLiteError) in Int(try row.int("version"))
        }
        let refusal: String? =
            switch expectation {
            case .anything: nil
            case .absent: version == nil ? nil : "the \(kind) \(name) exists already, in version \(version ?? 0)"
            case .present: version != nil ? nil : "there is no \(kind) \(name)"
            case .version(let seen):
                version == seen
                    ? nil
                    : version.map { "the \(kind) \(name) is in version \($0), not \(seen)" }
                        ?? "there is no \(kind) \(name)"
            }
        if let refusal {
            throw StoreError(.preconditionFailed, operation, refusal, hint: "read it again and decide anew")
        }
        return version
    }
}

extension Transaction {
    /// Stores a document under a name.
    func put(
        _ kind: Versioned, _ name: String, _ text: String, expecting expectation: Expectation, _ operation: String
    ) throws(StoreError) -> PutOutcome {
        let stored = try version(kind, name, expecting: expectation, operation)
        let next: Int
        if let stored {
            let same = try first(
                operation, "SELECT \(kind.body) = ? AS same FROM \(kind.table) WHERE name = ?",
                [.text(text), .text(name)]
            ) { row throws(SQLiteError) in try row.bool("same") }
            if same == true { return PutOutcome(version: stored, created: false, unchanged: true) }
            next = stored + 1
        } else {
            let retired = try first(
                operation, "SELECT version FROM retired_versions WHERE kind = ? AND name = ?",
                [.text(kind.rawValue), .text(name)]
            ) { row throws(SQLiteError) in Int(try row.int("version")) }
            next = (retired ?? 0) + 1
        }
        try run(
            operation,
            """
            INSERT INTO \(kind.table) (name, \(kind.body), version, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)
            ON CONFLICT (name) DO UPDATE SET \(kind.body) = ?2, version = ?3, updated_at = ?4
            """, [.text(name), .text(text), Value(next), Value(now)])
        return PutOutcome(version: next, created: stored == nil, unchanged: false)
    }

    /// Removes what is stored under a name, remembering its version.
    func delete(
        _ kind: Versioned, _ name: String, expecting expectation: Expectation, _ operation: String
    ) throws(StoreError) {
        guard let version = try version(kind, name, expecting: expectation, operation) else {
            throw StoreError(kind.unknown, operation, "there is no \(kind) \(name)")
        }
        try run(
            operation, "INSERT OR REPLACE INTO retired_versions (kind, name, version) VALUES (?, ?, ?)",
            [.text(kind.rawValue), .text(name), Value(version)])
        try run(operation, "DELETE FROM \(kind.table) WHERE name = ?", [.text(name)])
    }
}
