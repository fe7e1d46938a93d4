import Foundation
import Glibc

/// The built binary, as a user runs it.
struct Program {
    /// What a finished run of the binary left.
    struct Outcome {
        let code: Int32
        let output: String
        let errors: String
    }

    /// The binary's place: beside the test bundle.
    static var binary: URL {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        while !FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent("strandline").path) {
            let parent = folder.deletingLastPathComponent()
            if parent.path == folder.path { return URL(fileURLWithPath: ".build/debug/strandline") }
            folder = parent
        }
        return folder.appendingPathComponent("strandline")
    }

    /// Runs the binary to its end, with no variables of its own but `environment`; one that has not ended after a minute
    /// is killed, so that a command that should have refused does not hold the tests.
    static func run(
        _ words: [String], in folder: URL, environment: [String: String] = [:], input: String = ""
    ) throws -> Outcome {
        let process = Process()
        process.executableURL = binary
        process.arguments = words
        process.currentDirectoryURL = folder
        process.environment = environment
        let (output, errors, stdin) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = stdin
        try process.run()
        let guardian = DispatchWorkItem { Glibc.kill(process.processIdentifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: guardian)
        defer { guardian.cancel() }
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let errorBytes = Received()
        let reader = Thread { errorBytes.finish(with: errors.fileHandleForReading.allBytes()) }
        reader.start()
        let outputBytes = output.fileHandleForReading.allBytes()
        process.waitUntilExit()
        return Outcome(
            code: process.terminationStatus, output: String(decoding: outputBytes, as: UTF8.self),
            errors: String(decoding: errorBytes.wait(), as: UTF8.self))
    }
}

/// Bytes that one thread reads and another waits for.
final class Received: @unchecked Sendable {
    // SAFETY: `data` is written before the semaphore is raised and read after it was.
    private var data = Data()
    private let done = DispatchSemaphore(value: 0)

    func finish(with data: Data) {
        self.data = data
        done.signal()
    }

    func wait() -> Data {
        done.wait()
        // Whoever asks again finds them there.
        done.signal()
        return data
    }
}

/// A fresh folder that is removed with all it holds when the test is over.
func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("strandline-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

extension FileHandle {
    /// The bytes that are there, after waiting for some; empty at the end.
    ///
    /// Foundation's own readers end the process when a signal comes while they wait.
    func someBytes() -> Data {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(fileDescriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            return Data(chunk.prefix(max(0, count)))
        }
    }

    /// All bytes to the end.
    func allBytes() -> Data {
        var all = Data()
        while true {
            let some = someBytes()
            guard !some.isEmpty else { return all }
            all += some
        }
    }
}
