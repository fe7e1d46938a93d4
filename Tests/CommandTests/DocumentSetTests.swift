import Foundation
import Model
import Testing

@testable import strandline

struct DocumentSetTests {
    /// Runs `body` in a fresh directory that holds `files`.
    private func with(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("strandline-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for (name, text) in files { try Data(text.utf8).write(to: directory.appendingPathComponent(name)) }
        try body(directory.path)
    }

    private static func pipeline(_ name: String) -> String {
        """
        name: \(name)
        steps:
          - name: a
            source: { connection: shop, table: a }
            destination: { connection: warehouse, table: a }
            strategy: full_refresh

        """
    }

    @Test func readsADirectoryInTheOrderOfNames() throws {
        let files = [
            "b.yaml": DocumentSetTests.pipeline("second"), "a.yml": DocumentSetTests.pipeline("first"),
            "c.json": #"{"connections":{"shop":{"type":"sqlite","path":"s.db"}}}"#, ".hidden.yaml": "[",
            "note.txt": "[",
        ]
        try with(files) { directory in
            let documents = try DocumentSet([directory])
            #expect(documents.faults.isEmpty)
            #expect(documents.pipelines.map(\.pipeline.name) == ["first", "second"])
            #expect(documents.connections.map(\.definition.name) == ["shop"])
            #expect(documents.foreignConnections == ["warehouse"])
        }
    }

    @Test func theDemosDocumentsAreValid() throws {
        let files = DemoDocuments.all.map { ($0.name, String(decoding: $0.text, as: UTF8.self)) }
        try with(Dictionary(uniqueKeysWithValues: files)) { directory in
            let documents = try DocumentSet([directory])
            #expect(documents.faults.isEmpty)
            #expect(documents.warnings.isEmpty)
            #expect(documents.foreignConnections.isEmpty)
            #expect(documents.pipelines.map(\.pipeline.name) == ["customers", "orders", "products"])
        }
    }

    @Test func ordersPipelinesBehindThoseThatTheyRunAfter() throws {
        func after(_ name: String, _ upstream: String) -> String {
            DocumentSetTests.pipeline(name) + "after: [\(upstream)]\n"
        }
        let files = ["a.yaml": after("a", "b"), "b.yaml": after("b", "c"), "c.yaml": DocumentSetTests.pipeline("c")]
        try with(files) { directory in
            let documents = try DocumentSet([directory])
            #expect(documents.faults.isEmpty)
            #expect(documents.pipelinesInOrder.map(\.pipeline.name) == ["c", "b", "a"])
        }
        try with(files.merging(["c.yaml": after("c", "a")]) { $1 }) { directory in
            let faults = try DocumentSet([directory]).faults.map(\.line)
            #expect(faults.count == 1 && faults.first?.contains("a -> b -> c -> a") == true)
        }
    }

    @Test func tellsTheFaultsOfEveryFile() throws {
        let broken = DocumentSetTests.pipeline("x").replacingOccurrences(of: "full_refresh", with: "timestamp")
        try with(["a.yaml": broken, "b.yaml": "pipelines: ["]) { directory in
            let faults = try DocumentSet([directory]).faults.map(\.line)
            #expect(faults.count == 2)
            #expect(faults[0].hasPrefix("\(directory)/a.yaml:3:5: the strategy `timestamp` needs a cursor"))
            #expect(faults[0].contains("[steps[0].cursor]. Add the column"))
            #expect(faults[1].hasPrefix("\(directory)/b.yaml:2:1: "))
        }
    }

    @Test func aDirectoryWithoutDocumentsIsRefusedWhereTheyAreMeant() throws {
        try with(["note.txt": "a", ".hidden.yaml": "["]) { directory in
            let refusal = #expect(throws: CommandError.self) { _ = try DocumentSet([directory]) }
            #expect(refusal?.message == "the directory \(directory) holds no documents")
            let allowed = try DocumentSet([directory], allowsEmpty: true)
            #expect(allowed.files.isEmpty)
        }
    }

    @Test(arguments: [#"{"pipelines": null}"#, "{}", "connections: {}", "# nothing yet\n"])
    func aFileThatHoldsNothingIsAFault(text: String) throws {
        try with(["a.yaml": text]) { directory in
            let faults = try DocumentSet([directory]).faults.map(\.line)
            #expect(faults.count == 1)
            #expect(
                faults.first?.hasPrefix(
                    "\(directory)/a.yaml: it holds neither a connection nor a pipeline. ") == true)
        }
    }

    @Test func oneNameCannotStandInTwoFiles() throws {
        try with(["a.yaml": DocumentSetTests.pipeline("x"), "b.yaml": DocumentSetTests.pipeline("x")]) { directory in
            let faults = try DocumentSet([directory]).faults.map(\.line)
            #expect(faults.count == 1)
            #expect(faults.first?.contains("the pipeline `x` also stands in \(directory)/a.yaml") == true)
        }
    }

    @Test func saysWhatCannotBeRead() {
        #expect(throws: CommandError.self) { try DocumentSet(["/nowhere/at/all.yaml"]) }
        #expect(throws: CommandError.self) { try FileText.read("/dev/zero", limit: 1_000) }
    }
}
