import Foundation
import Loading
import Model
import Testing

/// No path leads out of the data roots, and none tells what lies outside.
struct DataRootsTests {
    private struct Tree {
        let base: String
        var root: String { base + "/data" }

        init() throws {
            let directory = NSTemporaryDirectory() + "strandline-roots-" + UUID().uuidString
            for folder in ["/data/sub/\u{301}deep", "/outside/folder", "/data2"] {
                try FileManager.default.createDirectory(
                    atPath: directory + folder, withIntermediateDirectories: true)
            }
            base = try #require(realpath(directory, nil).map { String(cString: $0) })
            for file in ["/data/shop.db", "/outside/secret.db", "/data2/x.db", "/data/shop.db-wal", "/data/sub/in.db"] {
                try Data().write(to: URL(fileURLWithPath: base + file))
            }
            let links = [
                ("out", base + "/outside"), ("secret", base + "/outside/secret.db"), ("in", "sub/in.db"),
                ("dangling", "sub/none.db"), ("dangling-out", base + "/outside/none.db"), ("hop", "dangling-out"),
                ("loop", "loop"), ("wal", "shop.db-wal"), ("up", ".."),
            ]
            for (link, target) in links {
                try FileManager.default.createSymbolicLink(atPath: root + "/" + link, withDestinationPath: target)
            }
        }

        func remove() { try? FileManager.default.removeItem(atPath: base) }

        func resolve(_ path: String) throws(Failure) -> DatabaseFile {
            try DataRoots([root, base + "/data2"]).resolve(path)
        }

        func code(_ path: String) -> Failure.Code? {
            do throws(Failure) {
                _ = try resolve(path)
                return nil
            } catch {
                return error.code
            }
        }
    }

    @Test func pathsInsideAreFound() throws {
        let tree = try Tree()
        defer { tree.remove() }
        #expect(try tree.resolve("shop.db").path == tree.root + "/shop.db")
        #expect(try tree.resolve("sub/../shop.db").path == tree.root + "/shop.db")
        #expect(try tree.resolve("in").path == tree.root + "/sub/in.db")
        #expect(try tree.resolve("in").identity == tree.resolve("sub/in.db").identity)
        #expect(try tree.resolve(tree.base + "/data2/x.db").path == tree.base + "/data2/x.db")
        #expect(try tree.resolve("sub/\u{301}deep/new.db").path == tree.root + "/sub/\u{301}deep/new.db")
        #expect(try tree.resolve("new.db").exists == false)
        #expect(tree.code("nowhere/new.db") == .missingFile)
        #expect(tree.code("dangling") == .missingFile)
        #expect(tree.code("sub") == .isDirectory)
    }

    @Test(
        "no spelling leads out",
        arguments: [
            "../outside/secret.db", "../outside/none.db", "sub/../../outside/secret.db", "out/secret.db", "out/none.db",
            "out/folder/none.db", "out/nofolder/none.db", "secret", "dangling-out", "hop", "up/outside/secret.db", "..",
            "../\u{301}new.db", "../\u{301}outside/x.db", "sub/../../\u{301}new.db", "/etc/passwd", "/etc/none",
            "/none/none",
            "//etc/passwd", "nowhere/../../outside/secret.db", "out/../outside/none.db", "../data2evil/x.db",
        ])
    func nothingLeadsOut(path: String) throws {
        let tree = try Tree()
        defer { tree.remove() }
        let failure = #expect(throws: Failure.self) { try tree.resolve(path) }
        #expect(failure?.code == .outsideDataRoot, "\(failure?.message ?? "")")
        #expect(failure?.message == "\(path) lies outside the data roots")
    }

    @Test(
        "what SQLite would give a meaning of its own is refused",
        arguments: [
            "", "file:shop.db", "FILE:shop.db", "file:/etc/passwd?mode=ro", ":memory:", ":MEMORY:", "a\0b.db",
            "a\nb.db",
            "a\u{7f}b", "shop.db-wal", "shop.db-shm", "shop.db-journal", "wal",
        ])
    func oddSpellings(path: String) throws {
        let tree = try Tree()
        defer { tree.remove() }
        #expect(tree.code(path) == .invalidPath)
    }

    @Test func aLoopOfLinksEnds() throws {
        let tree = try Tree()
        defer { tree.remove() }
        #expect(tree.code("loop") == .outsideDataRoot)
    }

    @Test func aHardLinkIsTheSameFile() throws {
        let tree = try Tree()
        defer { tree.remove() }
        try FileManager.default.linkItem(atPath: tree.root + "/shop.db", toPath: tree.root + "/hard.db")
        #expect(try tree.resolve("hard.db").identity == tree.resolve("shop.db").identity)
    }

    @Test func theServersStateIsNoDatabaseOfAnyone() throws {
        let tree = try Tree()
        defer { tree.remove() }
        let (files, state) = (FileManager.default, tree.root + "/state")
        let roots = try DataRoots([tree.root], stateDirectory: state)
        try files.createDirectory(atPath: state + "/deep", withIntermediateDirectories: true)
        for file in ["control.db", "strandline.lock"] { try Data().write(to: URL(fileURLWithPath: state + "/" + file)) }
        try files.createSymbolicLink(atPath: tree.root + "/link", withDestinationPath: "state/control.db")
        try files.createSymbolicLink(atPath: tree.root + "/folder", withDestinationPath: "state")
        try files.linkItem(atPath: state + "/control.db", toPath: tree.root + "/hard.db")
        for path in [
            "state/control.db", "link", "folder/control.db", "hard.db", "state/new.db", "folder/new.db",
            "state/deep/new.db", "sub/../state/control.db", state + "/strandline.lock",
        ] {
            let failure = #expect(throws: Failure.self, "\(path)") { try roots.resolve(path) }
            #expect(failure?.code == .serverState, "\(path)")
            #expect(failure?.hint.isEmpty == false)
        }
        #expect(try roots.resolve("shop.db").path == tree.root + "/shop.db")
        #expect(try roots.resolve("state.db").exists == false)
        // A root deeper in it is the user's own place.
        let deep = try DataRoots([state + "/deep"], stateDirectory: state)
        #expect(try deep.resolve("new.db").path == state + "/deep/new.db")
    }

    @Test func aRootMustExist() {
        #expect(throws: Failure.self) { try DataRoots(["/none/such"]) }
    }
}
