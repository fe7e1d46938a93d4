import Documents
import Model
import Testing

/// Random changes of valid documents: each decodes or gives failures, none ends the process.
struct DocumentMutationTests {
    private static let yaml = """
        # The shop.
        connections:
          shop:      { type: sqlite, path: shop.db }
          warehouse: { type: sqlite, path: "ware\\u0020house.db" }
        pipelines:
          - name: orders
            description: >-
              Orders of
              the web shop
            retries: &again { max_attempts: 3, backoff: 10s, max_backoff: 5m }
            timeout: 1h
            steps:
              - name: orders
                kind: load
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: 'orders' }
                strategy: timestamp
                cursor: { column: updated_at, format: iso8601, on_missing: raise, initial: "2024-01-01T00:00:00Z" }
                primary_key: [id]
                write_mode: upsert
                lookback: 3d
                max_shrink: 0.5
                columns: { include: ["*"], exclude: [card_number] }
              - name: events
                depends_on: [orders]
                source:
                  connection: shop
                  query: |
                    SELECT * FROM events
                destination: { connection: warehouse, table: events }
                strategy: sequence
                cursor: id
          - { name: again, retries: *again, steps: [ { name: a, strategy: full_refresh,
              source: { connection: shop, table: a }, destination: { connection: warehouse, table: a } } ] }
        """

    private static let pieces =
        [
            "{", "}", "[", "]", ":", ": ", ",", "- ", "\n", "\t", " ", "  ", "\"", "'", "#", "&a", "*a", "*again", "!",
            "!!int ",
            "|", ">", "%", "@", "`", "?", "~", "null", "true", "-1", "0", "9223372036854775808", "1e999", ".nan",
            "---\n", "...\n",
            "é", "😀", "\u{0}", "\u{FEFF}", "\\", "\\ud83d", "<<: *again", "steps", "name", "cursor",
        ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xED, 0xA0, 0x80]]

    @Test func theDocumentItselfDecodes() throws {
        let file = try DocumentDecoder.file(DocumentReader.read(Array(DocumentMutationTests.yaml.utf8)))
        #expect(file.connections.count == 2)
        #expect(file.pipelines.map(\.pipeline.name) == ["orders", "again"])
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func changedDocumentsDecodeOrGiveFailures(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let yaml = Array(DocumentMutationTests.yaml.utf8)
        let json = Array(try DocumentReader.read(yaml).json.text(pretty: true).utf8)
        var decoded = 0
        for round in 0..<1_500 {
            var bytes = round.isMultiple(of: 2) ? yaml : json
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                DocumentMutationTests.mutate(&bytes, using: &generator)
            }
            do {
                let file = try DocumentDecoder.file(DocumentReader.read(bytes))
                decoded += 1
                for document in file.pipelines {
                    // What was accepted is accepted again from its stored form, and means the same.
                    let stored = try JSONReader.read(Array(document.json.text().utf8))
                    let again = try DocumentDecoder.pipeline(stored, name: document.pipeline.name)
                    #expect(again.pipeline == document.pipeline, "round \(round) of seed \(seed)")
                }
            } catch let failure as Failure {
                #expect(failure.mark != nil && !failure.message.isEmpty, "round \(round) of seed \(seed): \(failure)")
            } catch let error as DocumentFailures {
                #expect(!error.failures.isEmpty)
                for failure in error.failures {
                    #expect(
                        failure.mark != nil && !failure.message.isEmpty, "round \(round) of seed \(seed): \(failure)")
                }
            }
        }
        // Were none to decode, the rounds would test the reader alone.
        #expect(decoded > 50, "seed \(seed)")
    }

    private static func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let at = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, at + Int.random(in: 1...12, using: &generator))
        switch Int.random(in: 0...5, using: &generator) {
        case 0: bytes.remove(at: at)
        case 1: bytes.removeSubrange(at..<end)
        case 2: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: at)
        case 3: bytes[at] = UInt8(generator.next() & 0x7F)
        case 4: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &generator))
        default: bytes.replaceSubrange(at..<end, with: pieces.randomElement(using: &generator) ?? [])
        }
    }
}
