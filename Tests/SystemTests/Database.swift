import CSQLite
import Foundation

/// A SQLite file as another program sees it.
struct Database {
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    let path: String

    init(_ folder: URL, _ name: String) { path = folder.appendingPathComponent(name).path }

    /// Runs statements.
    func execute(_ sql: String) throws { _ = try rows(sql) }

    /// The rows of a query, each value as `typeof:quote` so that no two values look alike.
    func rows(_ sql: String) throws -> [String] {
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        guard sqlite3_open(path, &connection) == SQLITE_OK else { throw Fault(description: "cannot open \(path)") }
        sqlite3_busy_timeout(connection, 10_000)
        final class Rows { var texts: [String] = [] }
        let rows = Rows()
        var message: UnsafeMutablePointer<CChar>?
        let code = sqlite3_exec(
            connection, sql,
            { context, count, values, _ in
                guard let context else { return 1 }
                let texts = (0..<Int(count)).map { values?[$0].map { String(cString: $0) } ?? "NULL" }
                Unmanaged<Rows>.fromOpaque(context).takeUnretainedValue().texts.append(texts.joined(separator: "|"))
                return 0
            }, Unmanaged.passUnretained(rows).toOpaque(), &message)
        defer { sqlite3_free(message) }
        guard code == SQLITE_OK else {
            throw Fault(description: message.map { String(cString: $0) } ?? "SQLite code \(code)")
        }
        return rows.texts
    }

    /// Every row of a table in the order of its first column, so that two tables can be compared.
    func content(of table: String, _ columns: String = "id, name, updated_at") throws -> [String] {
        let quoted = columns.split(separator: ",").map { "quote(\($0))" }.joined(separator: ", ")
        return try rows("SELECT \(quoted) FROM \(table) ORDER BY 1")
    }
}
