import Foundation
import Testing

struct CommandLineTests {
    private func run(_ words: String..., environment: [String: String] = [:]) throws -> Program.Outcome {
        try withFolder { try Program.run(words, in: $0, environment: environment) }
    }

    @Test func tellsItsVersions() throws {
        let outcome = try run("version", "--json")
        #expect(outcome.code == 0)
        let versions = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: String]
        #expect(versions?["strandline"]?.split(separator: ".").count == 3)
        #expect(versions?["sqlite"]?.hasPrefix("3.") == true)
        #expect(try run("--version").output == run("version").output)
    }

    @Test func withoutACommandItShowsThemAndFails() throws {
        let outcome = try run()
        #expect(outcome.code == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("Usage: strandline COMMAND"))
        #expect(try run("--help").code == 0)
        #expect(try run("help").output == run("--help").output)
    }

    @Test func everyCommandHasHelp() throws {
        let overview = try run("--help").output
        let lines = overview.split(separator: "\n").filter { $0.hasPrefix("  ") }
        // The name ends where the gap before the summary begins.
        let names = lines.map { line in
            let row = line.dropFirst(2)
            return row.firstRange(of: "  ").map { row[..<$0.lowerBound] } ?? row
        }
        #expect(names.count > 3)
        for name in names {
            let words = name.split(separator: " ").map(String.init)
            let help = try withFolder { try Program.run(words + ["--help"], in: $0) }
            #expect(help.code == 0, "\(name)")
            #expect(help.output.hasPrefix("Usage: strandline \(name)"), "\(name)")
            let other = try withFolder { try Program.run(["help"] + words, in: $0) }
            #expect(other.output == help.output, "\(name)")
        }
    }

    @Test(arguments: [["watermark", "--help"], ["watermark", "-h"], ["help", "watermark"]])
    func aGroupOfCommandsHasHelp(words: [String]) throws {
        let help = try withFolder { try Program.run(words, in: $0) }
        #expect(help.code == 0)
        #expect(help.errors.isEmpty)
        #expect(help.output.hasPrefix("Usage: strandline watermark COMMAND [options]\n\n  watermark get "))
        #expect(help.output.contains("\n  watermark delete "))
        #expect(!help.output.contains("  runs "))
    }

    @Test(arguments: ["validate", "apply"])
    func aDirectoryWithoutDocumentsIsAnError(command: String) throws {
        let outcome = try run(command, ".")
        #expect(outcome.code == 1)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("the directory . holds no documents"))
    }

    @Test(arguments: [
        (["vercion"], "did you mean `version`?"), (["zzz"], "strandline --help lists them"),
        (["version", "--jsn"], "there is no --jsn here; did you mean --json?"),
        (["validate"], "FILE is missing"), (["version", "x"], "`x` is one word too many"),
        (["demo", "d", "--rate", "many"], "--rate is `many`"),
    ])
    func badUsageIsNamedAndExitsWith2(words: [String], sentence: String) throws {
        let outcome = try withFolder { try Program.run(words, in: $0) }
        #expect(outcome.code == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
    }

    @Test func aReaderThatLeavesEndsNothing() throws {
        try withFolder { folder in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "'\(Program.binary.path)' --help | true"]
            process.currentDirectoryURL = folder
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
    }
}
