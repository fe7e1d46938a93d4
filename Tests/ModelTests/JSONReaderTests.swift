import Model
import Platform
import Testing

struct JSONReaderTests {
    private func failure(_ text: String) -> Failure? { failure(Array(text.utf8)) }

    private func failure(_ bytes: [UInt8]) -> Failure? {
        do throws(Failure) {
            _ = try JSONReader.read(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .integer(0)), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("1.0", .number(1)), ("1e2", .number(100)),
            ("-2.5E-1", .number(-0.25)),
            (#""\ud83d\ude00\u00e9\/\b\f""#, .string("😀é/\u{8}\u{C}")), (#""a\u0000b""#, .string("a\u{0}b")),
            (" \t\r\n[ ] ", .array([])), ("{ }", .object([])), ("\u{FEFF}true", .bool(true)),
        ] as [(String, JSONValue)])
    func reads(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text.utf8) == value)
    }

    @Test(
        arguments: [
            ("", 1, 1, "ends where a value"), ("[1,]", 1, 4, "a JSON value is expected"),
            ("{\"a\":1,}", 1, 8, "a key in double quotes"),
            ("{\"a\" 1}", 1, 6, "a colon is expected after the key `a`"),
            ("[1 2]", 1, 4, "a comma or a closing bracket"), ("{\"a\":1 \"b\":2}", 1, 8, "a comma or a closing brace"),
            ("{\n  \"é\": 1,\n  \"é\": 2\n}", 3, 3, "first stands at line 2, column 3"), ("[1]\n x", 2, 2, "goes on"),
            ("[01]", 1, 4, "`01` is no JSON number"), ("[1.]", 1, 4, "no JSON number"),
            ("[1e]", 1, 4, "no JSON number"),
            ("[-]", 1, 3, "no JSON number"), ("\"abc", 1, 5, "not closed"), ("\"a\nb\"", 1, 3, "control character"),
            (#""\x""#, 1, 2, "escape does not exist"), (#""\u12""#, 1, 2, "escape does not exist"),
            (#""\ud800""#, 1, 2, "half of a surrogate pair"), (#""\udc00\ud800""#, 1, 2, "half of a surrogate pair"),
            (#""\ud800\u0041""#, 1, 2, "half of a surrogate pair"), ("9223372036854775808", 1, 20, "64 bits"),
            ("1e999", 1, 6, "64 bits"), ("nul", 1, 1, "a JSON value is expected"), ("'a'", 1, 1, "a JSON value"),
            ("\"\\", 1, 2, "ends inside an escape"),
        ] as [(String, Int, Int, String)])
    func refuses(text: String, line: Int, column: Int, words: String) {
        let failure = failure(text)
        #expect(failure?.code == .malformedDocument)
        #expect(failure?.mark == Mark(line: line, column: column))
        #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "accepted")")
    }

    @Test func refusesTextThatIsNoUTF8() {
        #expect(failure([0x22, 0xFF, 0x22])?.message.contains("not valid UTF-8") == true)
        #expect(failure([0x22, 0xED, 0xA0, 0x80, 0x22]) != nil)
    }

    @Test func boundsDepthAndSize() throws {
        let depth = Limits.documentDepth
        let nested = { (levels: Int) in String(repeating: "[", count: levels) + String(repeating: "]", count: levels) }
        #expect(failure(nested(depth)) == nil)
        #expect(failure(nested(depth + 1))?.message.contains("levels deep") == true)
        #expect(failure(String(repeating: "[", count: 500_000))?.message.contains("levels deep") == true)
        let many = "[" + String(repeating: "0,", count: Limits.documentNodes - 2) + "0]"
        #expect(failure(many) == nil)
        #expect(failure("[" + many + "]")?.message.contains("more than \(Limits.documentNodes) values") == true)
        #expect(throws: Failure.self) { _ = try JSONReader.read(Array("[1,2]".utf8), nodes: 2) }
    }

    @Test func marksEveryNodeWithItsPlace() throws {
        let node = try JSONReader.read(Array("{\"é\": [1,\n  \"x\"]}".utf8))
        guard case .mapping(let members) = node.content, case .sequence(let items) = members[0].value.content else {
            Issue.record("the shape is wrong")
            return
        }
        #expect(members[0].keyMark == Mark(line: 1, column: 2))
        #expect(members[0].value.mark == Mark(line: 1, column: 7))
        #expect(items.map(\.mark) == [Mark(line: 1, column: 8), Mark(line: 2, column: 3)])
    }

    @Test func neverCrashesOnRandomBytes() {
        let seed: UInt64 = 3
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]\",:0123456789-+.eE\\utrfnals \n\u{FF}".utf8) + [0xFF, 0xC3, 0x00]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...24, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            if failure(bytes) == nil { continue }
            #expect(failure(bytes)?.mark != nil, "seed \(seed)")
        }
    }
}
