import Foundation
import Testing

@testable import SQLite

struct DatabasePathTests {
    @Test(arguments: [
        "plain.db", "file:x?mode=rwc", ":memory:", "50%.db", "a?b=c", "a#b", "with space", "quo'te\"s", "%41.db",
        "ü🌊.db",
        "a&mode=memory", "x\ty\n.db", "semi;colon", "\\back", "~", "-dash",
    ])
    func isNothingButAFileName(name: String) throws {
        let workspace = try Workspace()
        do {
            let database = try Connection(path: workspace.path(name), access: .create)
            try database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (42)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.directory) == [name])
        let again = try Connection(path: workspace.path(name), access: .readOnly)
        #expect(try again.first("SELECT a FROM t")?[0] == 42)
        let other = try workspace.database("other.db")
        try other.attach(path: workspace.path(name), as: "s", access: .readOnly)
        #expect(try other.first("SELECT a FROM s.t")?[0] == 42)
    }

    @Test(arguments: [":memory:", "file:strandline-missing.db?mode=rwc", "file::memory:", "-strandline-missing"])
    func aRelativePathIsAFileNameToo(name: String) {
        let error = #expect(throws: SQLiteError.self) { try Connection(path: name, access: .readOnly) }
        #expect(error?.cannotOpen == true)
        #expect(error?.message == "there is no such file")
        #expect(!FileManager.default.fileExists(atPath: "strandline-missing.db"))
    }

    @Test func spellsEveryPathAsAURI() {
        #expect(DatabasePath(path: ":memory:", access: .create).uri == "file:./%3Amemory%3A?mode=rwc")
        #expect(DatabasePath(path: "a/b.db", access: .readOnly).uri == "file:./a/b.db?mode=ro")
        #expect(DatabasePath(path: "/a b/%?#.db", access: .readWrite).uri == "file:///a%20b/%25%3F%23.db?mode=rw")
        #expect(DatabasePath(path: "//a", access: .readOnly).uri == "file:////a?mode=ro")
    }

    @Test func takesSeveralLeadingSlashes() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "CREATE TABLE t (a)")
        let database = try Connection(path: "//" + workspace.path("a.db"), access: .readWrite)
        #expect(try database.rows("SELECT * FROM t").isEmpty)
    }

    @Test func refusesWhatIsNoDatabaseFile() throws {
        let workspace = try Workspace()
        try Data(
            "this is a letter, not a database; it is longer than a header of one hundred bytes, so it is read as one"
                .utf8
        )
        .write(to: URL(filePath: workspace.path("letter.txt")))
        let other = try workspace.database("other.db")
        let fifo = workspace.path("fifo")
        mkfifo(fifo, 0o600)
        let cases: [(path: String, access: Connection.Access, says: String, holds: (SQLiteError) -> Bool)] = [
            ("", .create, "empty", \.cannotOpen),
            (workspace.path("a\0b"), .create, "NUL", \.cannotOpen),
            (workspace.directory, .readWrite, "directory", \.cannotOpen),
            (workspace.path("missing.db"), .readOnly, "no such file", \.cannotOpen),
            (workspace.path("missing.db"), .readWrite, "no such file", \.cannotOpen),
            (workspace.path("missing/a.db"), .create, "unable to open", \.cannotOpen),
            (workspace.path("letter.txt/a.db"), .create, "Not a directory", \.cannotOpen),
            (fifo, .readOnly, "not a regular file", \.cannotOpen),
            ("/dev/null", .readOnly, "not a regular file", \.cannotOpen),
            (workspace.path("letter.txt"), .readOnly, "not a SQLite database", \.isNotADatabase),
            (workspace.path("letter.txt"), .readWrite, "not a SQLite database", \.isNotADatabase),
        ]
        for (path, access, says, holds) in cases {
            let opening = #expect(throws: SQLiteError.self) { try Connection(path: path, access: access) }
            #expect(opening.map(holds) == true, "\(path)")
            #expect(opening?.message.contains(says) == true, "\(path): \(opening?.message ?? "")")
            #expect(opening?.operation == "open \(path)")
            let attaching = #expect(throws: SQLiteError.self) { try other.attach(path: path, as: "s", access: access) }
            #expect(attaching.map(holds) == true, "\(path)")
            #expect(attaching?.message.contains(says) == true, "\(path): \(attaching?.message ?? "")")
            #expect(try other.rows("PRAGMA database_list").count == 1, "\(path) is still attached")
        }
        #expect(!FileManager.default.fileExists(atPath: workspace.path("missing.db")))
    }

    // Root may write any file: then there is nothing to refuse.
    @Test(.enabled(if: getuid() != 0))
    func refusesToWriteAFileThatCannotBeWritten() throws {
        let workspace = try Workspace()
        _ = try workspace.database("a.db", "CREATE TABLE t (a)")
        chmod(workspace.path("a.db"), 0o400)
        let error = #expect(throws: SQLiteError.self) {
            try Connection(path: workspace.path("a.db"), access: .readWrite)
        }
        #expect(error?.isReadOnly == true)
        let reading = try Connection(path: workspace.path("a.db"), access: .readOnly)
        #expect(throws: SQLiteError.self) { try reading.execute("INSERT INTO t VALUES (1)") }
    }

    @Test func cutOffFileIsReportedNotCrashedOn() throws {
        let workspace = try Workspace()
        do {
            let database = try workspace.database("a.db", "CREATE TABLE t (a)")
            try database.execute(
                "INSERT INTO t SELECT randomblob(900) FROM (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9))")
        }
        let bytes = try Data(contentsOf: URL(filePath: workspace.path("a.db")))
        try bytes.prefix(5_000).write(to: URL(filePath: workspace.path("a.db")))
        let error = #expect(throws: SQLiteError.self) {
            try Connection(path: workspace.path("a.db"), access: .readOnly).rows("SELECT * FROM t")
        }
        #expect(error?.isCorrupt == true)
    }
}
