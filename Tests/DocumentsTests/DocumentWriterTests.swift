import Model
import Testing

@testable import Documents

struct DocumentWriterTests {
    static let document: JSONValue = .object([
        "name": "orders", "description": "Orders: of \"the\" shop\nsince # 1998",
        "steps": .array([
            .object([
                "name": "yes",
                "source": .object(["connection": "shop", "query": "SELECT *\n FROM \"odd: name\" -- x"]),
                "cursor": .object(["column": "null", "initial": 1.5, "flag": true, "none": nil]),
                "primary_key": .array(["a", "1", "- b", "", "ü", "{c}", "\u{2028}", "0x10", "~"]), "empty": .array([]),
                "nothing": .object([JSONValue.Member]()),
                "nested": .array([.array([.array([1]), .object(["a": .object(["b": 2])])]), 3]),
            ])
        ]),
    ])

    @Test func whatItWritesReadsBackAsTheSame() throws {
        let text = DocumentWriter.text(Self.document)
        #expect(try DocumentReader.read(Array(text.utf8)).json == Self.document, "\(text)")
    }

    @Test func writesAsPeopleDo() {
        let document: JSONValue = .object([
            "name": "orders",
            "steps": .array([
                .object([
                    "name": "orders", "source": .object(["connection": "shop", "table": "orders"]),
                    "primary_key": .array(["id"]),
                ])
            ]),
        ])
        #expect(
            DocumentWriter.text(document) == """
                name: orders
                steps:
                  - name: orders
                    source: { connection: shop, table: orders }
                    primary_key: [id]

                """)
    }
}
