import Documents
import Model
import Testing

struct DocumentFileTests {
    private func file(_ text: String) throws -> DocumentFile {
        try DocumentDecoder.file(DocumentReader.read(Array(text.utf8)))
    }

    private func failures(_ text: String) throws -> [Failure] {
        let node = try DocumentReader.read(Array(text.utf8))
        do throws(DocumentFailures) {
            _ = try DocumentDecoder.file(node)
            return []
        } catch {
            return error.failures
        }
    }

    private func connection(_ text: String, name: String? = nil) throws -> ConnectionDefinition {
        try DocumentDecoder.connection(DocumentReader.read(Array(text.utf8)), name: name).definition
    }

    private static let pipelines = """
        pipelines:
          - name: orders
            steps:
              - name: orders
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: orders }
                strategy: full_refresh
        """

    @Test func readsConnectionsAndPipelines() throws {
        let file = try file(
            "connections:\n  shop: { type: sqlite, path: shop.db }\n  warehouse: { type: sqlite, path: \"${DW}/w.db\" }\n"
                + DocumentFileTests.pipelines)
        #expect(file.connections.map(\.definition.name) == ["shop", "warehouse"])
        #expect(file.connections[1].definition.path == "${DW}/w.db")
        #expect(file.connections[0].json.text() == #"{"name":"shop","type":"sqlite","path":"shop.db"}"#)
        #expect(file.pipelines.map(\.pipeline.name) == ["orders"])
    }

    @Test func readsPoolsInBothForms() throws {
        let file = try file("pools:\n  heavy: 2\n  light: { slots: 8 }\n")
        #expect(file.pools == [PoolDefinition(name: "heavy", slots: 2), PoolDefinition(name: "light", slots: 8)])
        let document = DocumentFileTests.pipelines.replacingFirst(
            "    steps:", with: "    pool: heavy\n    priority: high\n    steps:")
        let pipeline = try self.file(document).pipelines.first?.pipeline
        #expect(pipeline?.pool == "heavy")
        #expect(pipeline?.priority == .high)
    }

    @Test(arguments: ["", "# nothing\n", "{}", "connections:\npipelines:\n"])
    func anEmptyFileHoldsNothing(text: String) throws {
        #expect(try file(text) == DocumentFile())
    }

    @Test func fieldPathsBeginAtTheFile() throws {
        let failures = try failures(
            "connections: { shop: { type: sqlite } }\n"
                + DocumentFileTests.pipelines.replacingFirst("full_refresh", with: "timestamp"))
        #expect(failures.map(\.field) == ["connections.shop.path", "pipelines[0].steps[0].cursor"])
        #expect(failures.map { $0.mark?.line } == [1, 5])
    }

    @Test func twoPipelinesCannotShareAName() throws {
        let again = DocumentFileTests.pipelines.replacingFirst("pipelines:\n", with: "\n")
        let failures = try failures(DocumentFileTests.pipelines + again)
        #expect(failures.map(\.field) == ["pipelines[1].name"])
    }

    @Test(
        arguments: [
            ("pipeline: []", Failure.Code.unknownKey, "pipeline", "`pipelines`"),
            ("webhooks: []", .invalidValue, "webhooks", ""),
            ("webhooks: { ops: { url: \"https://a\" } }", .missingKey, "webhooks.ops.secret", "HOOK_SECRET"),
            ("steps: []", .unknownKey, "steps", "connections, pools, pipelines"),
            ("pipelines: {}", .invalidValue, "pipelines", "- "), ("connections: []", .invalidValue, "connections", ""),
            ("connections: { Shop: { type: sqlite, path: a } }", .invalidValue, "connections.Shop", "`shop` would do"),
            ("connections: { s: { type: sqlite, path: a, name: t } }", .invalidValue, "connections.s.name", "Remove"),
            ("connections: { s: { type: postgres, path: a } }", .invalidValue, "connections.s.type", "sqlite"),
            ("connections: { s: { path: a } }", .missingKey, "connections.s.type", "type: sqlite"),
            ("connections: { s: { type: sqlite, path: \"\" } }", .invalidValue, "connections.s.path", ""),
            ("connections: { s: { type: sqlite, path: 5 } }", .invalidValue, "connections.s.path", "quotes"),
            (
                "connections: { s: { type: sqlite, path: \":memory:\" } }", .invalidPath, "connections.s.path",
                "plain path"
            ),
            (
                "connections: { s: { type: sqlite, path: \"file:a?mode=rwc\" } }", .invalidPath, "connections.s.path",
                "plain"
            ),
            ("connections: { s: { type: sqlite, path: \"a\\0b\" } }", .invalidPath, "connections.s.path", ""),
            ("connections: { s: { type: sqlite, path: a, pth: b } }", .unknownKey, "connections.s.pth", "`path`"),
            (
                "connections: { s: { type: sqlite, path: a, max_concurrent: 0 } }", .invalidValue,
                "connections.s.max_concurrent", ""
            ),
            ("pools: { heavy: 0 }", .invalidValue, "pools.heavy", ""),
            ("pools: { Heavy: 1 }", .invalidValue, "pools.Heavy", ""),
            ("pools: { heavy: {} }", .missingKey, "pools.heavy.slots", "slots: 2"),
            ("pools: [a]", .invalidValue, "pools", ""),
            ("connections: { s: }", .invalidValue, "connections.s", ""), ("- a", .invalidValue, nil, ""),
        ] as [(String, Failure.Code, String?, String)])
    func refuses(text: String, code: Failure.Code, field: String?, hint: String) throws {
        let failures = try failures(text)
        #expect(failures.count == 1, "\(failures)")
        #expect(failures.first?.code == code)
        #expect(failures.first?.field == field)
        #expect(failures.first?.hint.contains(hint) == true || hint.isEmpty, "\(failures.first?.hint ?? "")")
    }

    @Test func aConnectionTakesItsNameFromTheAddress() throws {
        let definition = try connection("{ type: sqlite, path: a.db }", name: "shop")
        #expect(definition == ConnectionDefinition(name: "shop", path: "a.db"))
        #expect(throws: DocumentFailures.self) { try connection("{ type: sqlite, path: a.db }") }
        #expect(throws: DocumentFailures.self) { try connection("{ name: b, type: sqlite, path: a.db }", name: "a") }
        #expect(throws: DocumentFailures.self) { try connection("{ type: sqlite, path: a.db }", name: "No") }
    }

    @Test(arguments: [
        ("a", true), ("0", true), ("a-b_c9", true), (String(repeating: "a", count: 63), true),
        (String(repeating: "a", count: 64), false), ("", false), ("-a", false), ("_a", false), ("A", false),
        ("é", false),
        ("a b", false), ("a/b", false), ("a\u{0}", false),
    ])
    func namesHaveOneForm(name: String, valid: Bool) {
        #expect(ResourceName.isValid(name) == valid)
    }
}
