import Foundation
import Glibc
import Testing

/// Those who listen to what happens, of the built program.
struct EventsTests {
    private func port(_ server: ServerProcess) -> Int { Int(server.url.split(separator: ":").last ?? "") ?? 0 }

    private func threads(_ server: ServerProcess) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.identifier)/task").count
    }

    /// Resident bytes of the server.
    private func memory(_ server: ServerProcess) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(server.identifier)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }

    /// Each listener takes a file here, so many as the system lets this process have.
    private func listeners(_ wanted: Int) -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Other tests of this process have files too.
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, rlim_t(wanted + 2_000)))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return min(wanted, max(50, Int(clamping: limit.rlim_cur) - 1_000))
    }

    @Test func aThousandListenersTakeNoThreadAndMissNothing() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 10)
            var server = try ServerProcess(in: folder)
            #expect(try server.client("run", "items", "--wait", in: folder).code == 0)
            let before = try threads(server)
            let count = listeners(1_000)
            #expect(count == 1_000, "the system lets this test have \(count) listeners")
            let first = (0..<count).map { _ in Ear(port: port(server), "/v1/events?after=0") }
            for _ in 0..<10 { #expect(try server.client("run", "items", "--wait", in: folder).code == 0) }
            func last() throws -> Int64 {
                let page = try server.client("logs", "--limit", "1", "--json", in: folder).output
                let event = try JSONSerialization.jsonObject(with: Data(page.utf8)) as? [String: Any]
                return Int64(event?["id"] as? Int ?? 0)
            }
            var end = try last()
            #expect(end >= 40)
            #expect(Ear.listen(first) { first.allSatisfy { $0.lastID == end } })
            #expect(try threads(server) == before)
            for ear in first { #expect(ear.ids == Array(1...end)) }
            // They come back to a server that was killed and started anew, each to where it was.
            let halves = first.enumerated().map { place, ear in place % 2 == 0 ? ear.lastID : (ear.lastID ?? 0) - 7 }
            server.kill(SIGKILL)
            server = try ServerProcess(in: folder)
            let second = halves.map { Ear(port: port(server), "/v1/events", lastEventID: $0) }
            for _ in 0..<3 { #expect(try server.client("run", "items", "--wait", in: folder).code == 0) }
            end = try last()
            #expect(Ear.listen(second) { second.allSatisfy { $0.lastID == end } })
            for (ear, from) in zip(second, halves) { #expect(ear.ids == Array(((from ?? 0) + 1)...end)) }
            // The server ends them in good order, at once.
            server.signal(SIGTERM)
            #expect(Ear.listen(second) { second.allSatisfy(\.isEnded) })
            #expect(server.end() == 0)
        }
    }

    @Test func thoseWhoTakeNothingHoldNoMemory() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 10)
            var server = try ServerProcess(in: folder)
            #expect(server.kill(SIGTERM) == 0)
            // A log of some 20 MB.
            try Database(folder.appendingPathComponent("strandline-data"), "control.db").execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO events (at, kind, payload)
                SELECT 0, 'run_started', json_object('text', hex(zeroblob(500))) FROM n;
                """)
            server = try ServerProcess(in: folder)
            // One who reads, so that what everybody shares is there before it is measured.
            let quick = Ear(port: port(server), "/v1/events?after=0")
            #expect(Ear.listen([quick]) { quick.heard.count >= 20_000 })
            let before = try memory(server)
            let slow = (0..<200).map { _ in Ear(port: port(server), "/v1/events?after=0", receiveBytes: 4_096) }
            for ear in slow {
                var begun = pollfd(fd: ear.socket, events: Int16(POLLIN), revents: 0)
                #expect(poll(&begun, 1, 60_000) > 0)
            }
            // Each has its connection's memory and a small part of the log: 200 times the log would be 4 GB.
            let grown = try memory(server) - before
            #expect(grown < 64 << 20, "\(grown) bytes more")
            #expect(try server.client("run", "items", "--wait", in: folder).code == 0)
            #expect(Ear.listen([quick]) { quick.heard.last?.kind == "run_finished" })
            withExtendedLifetime(slow) {}
            #expect(server.kill(SIGTERM) == 0)
        }
    }

    @Test func logsShowsWhatHasHappened() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 10)
            let server = try ServerProcess(in: folder)
            let run = try server.json("run", "items", "--wait", in: folder)["id"] as? String ?? ""
            let all = try server.client("logs", in: folder)
            #expect(all.code == 0)
            #expect(all.output.contains("run_finished      items, run \(run), success"), "\(all.output)")
            let own = try server.client("logs", run, in: folder).output
            #expect(own.split(separator: "\n").first?.contains("run_queued") == true)
            #expect(own.contains("10 inserted"))
            // A run that is over is followed to its end.
            #expect(try server.client("logs", "-f", run, in: folder).output == own)
            let lines = try server.client("logs", "--pipeline", "items", "--kind", "run_finished", "--json", in: folder)
            #expect(lines.output.split(separator: "\n").count == 1)
            #expect(lines.output.hasPrefix(#"{"id":"#))
            let wrong = try server.client("logs", "--kind", "run_finish", in: folder)
            #expect(wrong.code == 1)
            #expect(wrong.errors.contains("run_finished"))
            #expect(try server.client("logs", run, "--limit", "3", in: folder).code == 2)
            #expect(
                try server.client("logs", "01aaaaaaaaaaaaaaaaaaaaaaaa", in: folder).errors.contains("there is no run"))
        }
    }

    @Test func logsFollowsAcrossARestartAndEndsAtCtrlC() throws {
        try withFolder { folder in
            _ = try ShopFolder(folder, count: 10)
            let port = try FreePort.find()
            var server = try ServerProcess(in: folder, "--listen", "127.0.0.1:\(port)")
            let follower = try Follower(["logs", "-f", "--kind", "run_finished", "--json"], server.url, folder)
            #expect(try server.client("run", "items", "--wait", in: folder).code == 0)
            #expect(follower.hears { $0.split(separator: "\n").count == 1 }, "\(follower.output)")
            server.kill(SIGKILL)
            server = try ServerProcess(in: folder, "--listen", "127.0.0.1:\(port)")
            #expect(try server.client("run", "items", "--wait", in: folder).code == 0)
            #expect(follower.hears { $0.split(separator: "\n").count == 2 }, "\(follower.output)")
            #expect(follower.end(by: SIGINT) == 0)
            #expect(follower.errors.contains("asking again"))
            #expect(follower.errors.contains("the server answers again"))
            #expect(follower.errors.contains("stopped"))
        }
    }
}

/// A port that was free a moment ago.
private enum FreePort {
    static func find() throws -> Int {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, size) == 0 ? getsockname(file, $0, &size) : -1
            }
        }
        guard code == 0 else { throw ServerProcess.Fault(description: "no free port") }
        return Int(in_port_t(bigEndian: name.sin_port))
    }
}

/// A command that goes on, with what it has written so far.
private final class Follower: @unchecked Sendable {
    // SAFETY: `text` is only touched under `lock`; the rest is set once.
    private let process = Process()
    private let lock = NSCondition()
    private var text = ""
    private let errorBytes = Received()

    init(_ words: [String], _ url: String, _ folder: URL) throws {
        process.executableURL = Program.binary
        process.arguments = words
        process.currentDirectoryURL = folder
        process.environment = ["STRANDLINE_SERVER": url]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        Thread { [errorBytes] in errorBytes.finish(with: errors.fileHandleForReading.allBytes()) }.start()
        Thread { [self] in
            while true {
                let bytes = output.fileHandleForReading.someBytes()
                guard !bytes.isEmpty else { return }
                lock.withLock {
                    text += String(decoding: bytes, as: UTF8.self)
                    lock.broadcast()
                }
            }
        }.start()
    }

    /// What it has written.
    var output: String { lock.withLock { text } }

    /// What it has complained of; to be asked after its end.
    var errors: String { String(decoding: errorBytes.wait(), as: UTF8.self) }

    /// Waits until its output is as it should be; false after a minute.
    func hears(_ condition: (String) -> Bool) -> Bool {
        lock.withLock {
            let end = Date().addingTimeInterval(60)
            while !condition(text) { guard lock.wait(until: end) else { return condition(text) } }
            return true
        }
    }

    /// Sends a signal and waits for the end; the exit code, or minus the signal.
    func end(by signal: Int32) -> Int32 {
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }
}
