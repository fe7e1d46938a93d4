import Foundation
import SQLite

/// A fresh directory for one test, removed when the test lets go of it.
final class Workspace {
    let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "strandline-sqlite-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    func path(_ name: String) -> String { directory + "/" + name }

    /// A new database with the statements of `sql` run in it.
    func database(_ name: String = "test.db", _ sql: String = "") throws -> Connection {
        let connection = try Connection(path: path(name), access: .create)
        try connection.execute(sql)
        return connection
    }
}
