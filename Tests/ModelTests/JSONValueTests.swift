import Foundation
import Model
import Testing

struct JSONValueTests {
    @Test func keepsTheOrderOfKeys() throws {
        let text = #"{"z":1,"a":[true,null,"x"],"m":{"k":-2.5}}"#
        #expect(try JSONValue(parsing: text.utf8).text() == text)
    }

    @Test func indentsByTwoSpaces() throws {
        let value = try JSONValue(parsing: #"{"a":[1,{}],"b":[]}"#.utf8)
        #expect(value.text(pretty: true) == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}")
    }

    @Test func escapesWhatWouldBreakALine() {
        let value = JSONValue.string("a\"b\\c\n\r\t\u{0}\u{1F}\u{7F}\u{2028}é😀")
        #expect(value.text() == #""a\"b\\c\n\r\t\u0000\u001f\u007f\u2028é😀""#)
    }

    @Test func writesNullForWhatJSONCannotHold() {
        #expect(JSONValue.array([.number(.infinity), .number(.nan), .number(0.1)]).text() == "[null,null,0.1]")
    }

    @Test func readsBackWhatItWrites() throws {
        let seed: UInt64 = 11
        var generator = SeededGenerator(seed: seed)
        for round in 0..<500 {
            let value = JSONValueTests.random(depth: 0, using: &generator)
            #expect(try JSONValue(parsing: value.text().utf8) == value, "round \(round) of seed \(seed)")
            #expect(try JSONValue(parsing: value.text(pretty: true).utf8) == value, "round \(round) of seed \(seed)")
        }
    }

    @Test func foundationReadsWhatItWrites() throws {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<200 {
            let value = JSONValue.array([JSONValueTests.random(depth: 0, using: &generator)])
            _ = try JSONSerialization.jsonObject(with: Data(value.text().utf8))
        }
    }

    static func random(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0...(depth > 4 ? 4 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(Int64(bitPattern: generator.next()))
        case 3:
            let number = Double(bitPattern: generator.next())
            return number.isFinite ? .number(number) : .number(0.5)
        case 4: return .string(text(using: &generator))
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &generator)).map { _ in random(depth: depth + 1, using: &generator) })
        default:
            return .object(
                (0..<Int.random(in: 0...4, using: &generator)).map {
                    JSONValue.Member("\($0)" + text(using: &generator), random(depth: depth + 1, using: &generator))
                })
        }
    }

    private static func text(using generator: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            let range: ClosedRange<UInt32> = [0...0x7F, 0x80...0x7FF, 0x800...0xFFFF, 0x10000...0x10FFFF][
                Int.random(in: 0...3, using: &generator)]
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
