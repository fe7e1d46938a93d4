import Model
import Testing

struct CursorValueTests {
    @Test func everyValueComesBackFromItsJSONText() throws {
        let seed: UInt64 = 5
        var generator = SeededGenerator(seed: seed)
        for round in 0..<3_000 {
            let value = CursorValueTests.random(using: &generator)
            let json = try JSONValue(parsing: value.json.text().utf8)
            #expect(CursorValue(json: json) == value, "round \(round) of seed \(seed): \(value)")
        }
    }

    @Test(
        arguments: [
            .integer(.max), .integer(.min), .real(0.1), .real(-0.0), .real(.infinity), .real(-.infinity), .real(1e300),
            .real(5), .text(""), .text("a\u{0}b"), .text([0xFF, 0x00]), .blob([]), .blob([0, 255]),
            .text("{\"blob_hex\":\"00\"}"),
        ] as [CursorValue])
    func bordersComeBackToo(value: CursorValue) throws {
        #expect(CursorValue(json: try JSONValue(parsing: value.json.text().utf8)) == value)
    }

    @Test(
        arguments: [
            .null, .bool(true), .array([]), .object(["a": 1, "b": 2]), .object(["text_hex": "0"]),
            .object(["text_hex": "zz"]), .object(["blob_hex": 1]), .object(["real": "x"]), .object(["other": "00"]),
            .object([:]),
        ] as [JSONValue])
    func refusesWhatIsNoValue(json: JSONValue) {
        #expect(CursorValue(json: json) == nil)
    }

    @Test func showsTextAsItIs() {
        #expect(CursorValue.text("2024-01-01").display == "2024-01-01")
        #expect(CursorValue.integer(7).display == "7")
        #expect(CursorValue.blob([1]).display == #"{"blob_hex":"01"}"#)
    }

    private static func random(using generator: inout SeededGenerator) -> CursorValue {
        let bytes = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
            Bool.random(using: &generator) ? UInt8(generator.next() & 0x7F) : UInt8(generator.next() & 0xFF)
        }
        switch Int.random(in: 0...3, using: &generator) {
        case 0: return .integer(Int64(bitPattern: generator.next()))
        case 1:
            let value = Double(bitPattern: generator.next())
            return .real(value.isNaN ? 1 : value)
        case 2: return .text(bytes)
        default: return .blob(bytes)
        }
    }
}
