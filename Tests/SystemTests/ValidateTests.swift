import Foundation
import Testing

struct ValidateTests {
    private static let good = """
        name: orders
        steps:
          - name: orders
            source: { connection: shop, table: orders }
            destination: { connection: warehouse, table: orders }
            strategy: full_refresh

        """

    private func validate(
        _ files: [String: String], _ words: String..., input: String = ""
    ) throws -> Program.Outcome {
        try withFolder { folder in
            for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
            return try Program.run(["validate"] + words, in: folder, input: input)
        }
    }

    @Test func aValidFileExitsWith0() throws {
        let outcome = try validate(["a.yaml": ValidateTests.good], "a.yaml")
        #expect(outcome.code == 0)
        #expect(outcome.output == "1 pipeline and 0 connections are valid\n")
        #expect(outcome.errors.contains("note: no file here defines the connection `shop`"))
    }

    @Test func everyFaultHasFileLineAndColumn() throws {
        let bad = ValidateTests.good.replacingOccurrences(
            of: "strategy: full_refresh", with: "stratgy: full_refresh\n    max_shrink: 2")
        let outcome = try validate(["a.yaml": bad, "b.yaml": "a: [", "c.yaml": ValidateTests.good], ".")
        #expect(outcome.code == 1)
        #expect(outcome.output.isEmpty)
        let lines = outcome.errors.split(separator: "\n")
        try #require(lines.count == 3, "\(outcome.errors)")
        #expect(lines[0].hasPrefix("./a.yaml:6:5: a step has no key `stratgy`"))
        #expect(lines[0].hasSuffix("Did you mean `strategy`?"))
        #expect(lines[1].hasPrefix("./a.yaml:7:17: "))
        #expect(lines[2].hasPrefix("./b.yaml:2:1: "))
    }

    @Test func writesJSONForPrograms() throws {
        let outcome = try validate(["b.yaml": "pipelins: []"], "b.yaml", "--json")
        #expect(outcome.code == 1)
        let json = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let errors = json?["errors"] as? [[String: Any]]
        #expect(errors?.count == 1)
        #expect(errors?.first?["line"] as? Int == 1)
        #expect(errors?.first?["code"] as? String == "unknown_key")
        #expect(errors?.first?["hint"] as? String == "Did you mean `pipelines`?")
    }

    @Test func readsStandardInput() throws {
        #expect(try validate([:], "-", input: ValidateTests.good).code == 0)
        #expect(try validate([:], "-", input: "a: [").errors.hasPrefix("-:2:1: "))
    }

    @Test func aMissingFileIsNamed() throws {
        let outcome = try validate([:], "none.yaml")
        #expect(outcome.code == 1)
        #expect(outcome.errors == "strandline validate: cannot read none.yaml: No such file or directory\n")
    }
}
