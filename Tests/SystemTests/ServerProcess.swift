import Foundation

/// A running `strandline serve`.
final class ServerProcess {
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    /// Where it answers.
    let url: String
    private let process = Process()
    private let errors: URL

    /// Starts a server in `folder` on a port of the kernel's choice unless it is told one, and waits until it is ready.
    init(in folder: URL, environment: [String: String] = [:], _ words: String...) throws {
        errors = folder.appendingPathComponent("server-\(UUID().uuidString).log")
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        process.executableURL = Program.binary
        process.arguments = ["serve"] + (words.contains("--listen") ? [] : ["--listen", "127.0.0.1:0"]) + words
        process.currentDirectoryURL = folder
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        var text = ""
        while !text.hasSuffix("\n") {
            let bytes = output.fileHandleForReading.someBytes()
            guard !bytes.isEmpty else {
                process.waitUntilExit()
                throw Fault(description: try String(contentsOf: errors, encoding: .utf8))
            }
            text += String(decoding: bytes, as: UTF8.self)
        }
        guard let range = text.firstRange(of: "http://") else { throw Fault(description: text) }
        url = String(text[range.lowerBound...].dropLast())
    }

    deinit {
        if process.isRunning { kill(SIGKILL) }
    }

    /// The number of its process.
    var identifier: Int32 { process.processIdentifier }

    /// What it has logged.
    var log: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    /// Sends a signal.
    func signal(_ number: Int32) { _ = Glibc.kill(process.processIdentifier, number) }

    /// Sends a signal and waits for the end; the exit code, or minus the signal that ended it.
    @discardableResult
    func kill(_ number: Int32) -> Int32 {
        signal(number)
        return end()
    }

    /// Waits for the end; the exit code, or minus the signal that ended it.
    func end() -> Int32 {
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// Runs a client command against it.
    func client(_ words: String..., in folder: URL) throws -> Program.Outcome {
        try client(words, in: folder)
    }

    /// What a client command said, and how it ended.
    func client(_ words: [String], in folder: URL) throws -> Program.Outcome {
        try Program.run(words, in: folder, environment: ["STRANDLINE_SERVER": url])
    }

    /// The answer of a client command with `--json`.
    func json(_ words: String..., in folder: URL) throws -> [String: Any] {
        let outcome = try Program.run(words + ["--json"], in: folder, environment: ["STRANDLINE_SERVER": url])
        guard let value = try? JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] else {
            throw Fault(description: "\(words): exit \(outcome.code): \(outcome.errors)")
        }
        return value
    }

    /// Waits until `condition` holds, looking whenever something was written in the server's folder, its log included;
    /// fails when it has not after a minute.
    func wait(for what: String, _ condition: () throws -> Bool) throws {
        let end = Date().addingTimeInterval(60)
        let watch = FolderWatch(process.currentDirectoryURL?.path ?? ".")
        while try !condition() {
            guard watch.change(within: end.timeIntervalSinceNow) else {
                throw Fault(description: "waited in vain for \(what): \(log)")
            }
        }
    }
}
