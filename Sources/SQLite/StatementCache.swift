/// Prepared statements kept for their next use, the least recently used of them dropped at the bound.
///
/// A statement in use is not in the cache, so the same SQL may run inside itself.
struct StatementCache {
    private let capacity: Int
    private var statements: [String: (statement: Statement, used: UInt64)] = [:]
    private var uses: UInt64 = 0

    /// Makes an empty cache of at most `capacity` statements.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// How many statements wait for their next use.
    var count: Int { statements.count }

    /// Takes out the statement of `sql`, if there is one.
    mutating func take(_ sql: String) -> Statement? {
        statements.removeValue(forKey: sql)?.statement
    }

    /// Puts a statement that is reset back.
    mutating func put(_ statement: Statement) {
        uses += 1
        if statements.count >= capacity, statements[statement.sql] == nil,
            let oldest = statements.min(by: { $0.value.used < $1.value.used })
        {
            statements.removeValue(forKey: oldest.key)
        }
        statements[statement.sql] = (statement, uses)
    }

    /// Drops every statement.
    mutating func clear() {
        statements = [:]
    }
}
