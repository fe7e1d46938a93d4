import Model
import Testing

@testable import Store

struct JSONReaderTests {
    private func random(_ random: inout Seeded, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64(bitPattern: random.next()))
        case 3:
            let real = Double(bitPattern: random.next())
            return .number(real.isFinite ? real : -0.0)
        case 4: return .string(random.text())
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in self.random(&random, depth: depth - 1) })
        default:
            return .object(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    JSONValue.Member(random.text(), self.random(&random, depth: depth - 1))
                })
        }
    }

    @Test func readsWhateverIsWritten() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Seeded(seed)
        for _ in 0..<2_000 {
            let value = random(&generator, depth: 4)
            #expect(JSONReader.value(value.text()) == value, "seed \(seed)")
            #expect(JSONReader.value(value.text(pretty: true)) == value, "seed \(seed)")
        }
    }

    @Test(arguments: [
        "", " ", "{", "[1,", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
        "nul", "1 2",
        "--1", "1.2.3", ",", "[1],", "{\"a\":1,}", "+",
    ])
    func refusesWhatIsNoJSON(text: String) {
        #expect(JSONReader.value(text) == nil)
    }

    @Test func isBoundedInDepth() {
        #expect(JSONReader.value(String(repeating: "[", count: 60) + String(repeating: "]", count: 60)) != nil)
        #expect(JSONReader.value(String(repeating: "[", count: 100_000)) == nil)
    }
}
