import Foundation
import Platform
import SQLite
import Testing

@testable import Store

struct StateDirectoryTests {
    private func mode(_ path: String) -> mode_t {
        var status = stat()
        stat(path, &status)
        return status.st_mode & 0o777
    }

    @Test func isPrivate() throws {
        let world = try World()
        try world.pipeline("orders")
        #expect(mode(world.directory) == 0o700)
        for name in ["control.db", "control.db-wal", "control.db-shm", "strandline.lock"] {
            #expect(mode(world.directory + "/" + name) == 0o600, "\(name)")
        }
    }

    @Test func makesAFilePrivateThatWasNot() throws {
        let world = try World()
        world.store.close()
        chmod(world.directory + "/control.db", 0o644)
        try world.reopen()
        #expect(mode(world.directory + "/control.db") == 0o600)
    }

    @Test func admitsOneServer() throws {
        let world = try World()
        let error = #expect(throws: StoreError.self) {
            try ControlStore.open(directory: world.directory, clock: world.clock, log: World.log)
        }
        #expect(error?.code == .directoryInUse)
        #expect(error?.description.contains(world.directory) == true)
        #expect(error?.cause.contains("process \(getpid())") == true)
        try world.reopen()
        try world.pipeline("orders")
    }

    @Test func makesMissingParents() throws {
        let world = try World()
        let path = world.directory + "/a/b c/d"
        let store = try ControlStore.open(directory: path, clock: world.clock, log: World.log)
        store.close()
        #expect(mode(path) == 0o700)
        #expect(FileManager.default.fileExists(atPath: path + "/control.db"))
    }

    @Test func refusesWhatIsNoDirectory() throws {
        let world = try World()
        _ = FileManager.default.createFile(atPath: world.directory + "/file", contents: nil)
        for path in ["", "a\0b", world.directory + "/file", world.directory + "/file/x", "/proc/strandline"] {
            let error = #expect(throws: StoreError.self) {
                try ControlStore.open(directory: path, clock: world.clock, log: World.log)
            }
            #expect(error?.code == .unusableDirectory, "\(path)")
        }
    }
}
