import Documents
import Model
import Platform
import Testing

struct DocumentReaderTests {
    private func failure(_ text: String) -> Failure? { failure(Array(text.utf8)) }

    private func failure(_ bytes: [UInt8]) -> Failure? {
        do throws(Failure) {
            _ = try DocumentReader.read(bytes)
            return nil
        } catch {
            return error
        }
    }

    private func json(_ text: String) throws -> String { try DocumentReader.read(Array(text.utf8)).json.text() }

    @Test(arguments: [
        ("~", "null"), ("", "null"), ("# only a comment\n", "null"), ("null", "null"), ("Null", "null"),
        ("true", "true"), ("FALSE", "false"), ("yes", "\"yes\""), ("on", "\"on\""), ("no", "\"no\""),
        ("0o17", "15"), ("0x1F", "31"), ("017", "17"), ("+12", "12"), ("-3", "-3"), ("1_000", "\"1_000\""),
        ("9223372036854775807", "9223372036854775807"), ("1.5", "1.5"), (".5", "0.5"), ("1.", "1.0"), ("1e3", "1000.0"),
        ("1e", "\"1e\""), (".", "\".\""), ("-", "[null]"), ("+", "\"+\""), ("0o8", "\"0o8\""), ("0x", "\"0x\""),
        ("\"12\"", "\"12\""), ("'true'", "\"true\""), ("2024-01-01", "\"2024-01-01\""), ("12:30:45", "\"12:30:45\""),
        ("!!str 12", "\"12\""), ("! 12", "\"12\""), ("!!int \"12\"", "12"), ("!!float 1", "1.0"), ("!!null ''", "null"),
        ("|\n  a\n  b\n", "\"a\\nb\\n\""), (">-\n  a\n  b\n", "\"a b\""), ("\"\\U0001F600\"", "\"😀\""),
    ])
    func resolvesScalarsByTheCoreSchema(text: String, expected: String) throws {
        #expect(try json(text) == expected)
    }

    @Test(arguments: [
        ("{\"a\": \"\\ud83d\\ude00\", \"b\": [1, 2.5, null, true]}", "{\"a\":\"😀\",\"b\":[1,2.5,null,true]}"),
        ("{\"a\":1}", "{\"a\":1}"), ("[ ]", "[]"), ("{a: b, c: [d, 'e']}", "{\"a\":\"b\",\"c\":[\"d\",\"e\"]}"),
        ("{ a: 1, # why\n  b: 2, }", "{\"a\":1,\"b\":2}"), ("[1]\n# done\n", "[1]"), ("{\t\"a\":\t1}", "{\"a\":1}"),
    ])
    func readsJSONAndFlowStyle(text: String, expected: String) throws {
        #expect(try json(text) == expected)
    }

    @Test func readsWhatAnyJSONWriterWrites() throws {
        let long = String(repeating: "k", count: 5_000)
        #expect(try json("{\"\(long)\":\"\(long)\"}") == "{\"\(long)\":\"\(long)\"}")
    }

    @Test(
        arguments: [
            ("a: 1\n b: 2", 2, 3, "a colon stands where no key can be"),
            ("a:\n\t- 1", 2, 1, "a tab stands where YAML allows only spaces"),
            ("a: @b", 1, 4, "a value may not begin with `@`"), ("a: `b`", 1, 4, "may not begin with ``"),
            ("a: [1, 2", 2, 1, "a comma or a closing bracket"), ("a: \"x", 1, 6, "ends inside a quoted text"),
            ("- 1\nb: 2", 2, 1, "a list item is expected here"), ("a: \"\\q\"", 1, 5, "escape does not exist"),
            ("a: 1\na: 2", 2, 1, "the key `a` stands here again; it first stands at line 1, column 1"),
            ("é: 1\nb: *x", 2, 4, "the alias `*x` names nothing"), ("a: &a [*a]", 1, 8, "the alias `*a` names nothing"),
            ("a: 1\n---\nb: 2", 2, 1, "a second document"), ("a: !ruby/object {}", 1, 4, "the tag `!ruby/object`"),
            ("a: !!int x", 1, 4, "`x` is no int"), ("a: !!python/none x", 1, 4, "is not known here"),
            ("a: !!set {}", 1, 4, "is not known here"), ("? [a]\n: 1", 1, 3, "a key must be a plain text"),
            ("b: &b {c: 1}\na:\n  <<: *b", 3, 3, "`<<` does not merge"), ("a: 9223372036854775808", 1, 4, "64 bits"),
            ("a: .inf", 1, 4, "no number that a document can hold"), ("a: .NaN", 1, 4, "no number"),
            ("a: 1e999", 1, 4, "64 bits"),
            ("a: \"\\ud83d\\ude00\"", 1, 7, "stands for no character"),
            ("{\"a\": 1, \"a\": 2}", 1, 10, "stands here again"),
            ("{\"a\": [1, }", 1, 11, "expected"), ("{a: [b, c}", 1, 10, "a comma or a closing bracket"),
        ] as [(String, Int, Int, String)])
    func refuses(text: String, line: Int, column: Int, words: String) {
        let failure = failure(text)
        #expect(failure?.code == .malformedDocument)
        #expect(failure?.mark == Mark(line: line, column: column))
        #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "accepted")")
    }

    @Test func namesTheByteThatIsNoUTF8() {
        #expect(failure([0x61, 0x0A, 0xC3, 0xA9, 0xFF, 0x61])?.mark == Mark(line: 2, column: 2))
        #expect(failure([0xFF, 0xFE, 0x61, 0x00])?.message == "the document is UTF-16")
        #expect(failure(Array("a: ".utf8) + [0xED, 0xA0, 0x80])?.message == "the document is not valid UTF-8")
    }

    @Test func refusesControlCharactersWithTheirPlace() {
        let failure = failure("a: 1\nb: x\u{1}y")
        #expect(failure?.message.contains("control character") == true)
        #expect(failure?.mark == Mark(line: 2, column: 5))
        #expect(self.failure("a\u{0}b") != nil)
    }

    @Test func skipsAByteOrderMark() throws {
        #expect(try json("\u{FEFF}a: 1") == "{\"a\":1}")
        #expect(try json("\u{FEFF}{\"a\": 1}") == "{\"a\":1}")
    }

    @Test func aliasesStandForWholeValues() throws {
        #expect(try json("a: &x [1, &y 2]\nb: *x\nc: *y") == #"{"a":[1,2],"b":[1,2],"c":2}"#)
        let node = try DocumentReader.read(Array("a: &x 1\nb: *x".utf8))
        guard case .mapping(let members) = node.content else {
            Issue.record("no mapping")
            return
        }
        #expect(members[1].value.mark == Mark(line: 2, column: 4))
    }

    @Test func aliasesCannotBlowUpADocument() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let items = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "a\(level): &a\(level) [\(items)]\n"
        }
        #expect(failure(bomb)?.message.contains("aliases counted in full") == true)
        var tower = "a0: &a0 [x]\n"
        for level in 1...100 { tower += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(failure(tower)?.message.contains("levels deep") == true)
    }

    @Test(arguments: ["[", "{a: ", "- ", "{\"a\":", "? "])
    func boundsDepth(opening: String) {
        let failure = failure(String(repeating: opening, count: 20_000))
        #expect(failure != nil)
        #expect(failure?.message.contains("levels deep") == true || opening == "? ", "\(failure?.message ?? "")")
    }

    @Test func marksCountCharactersNotBytes() throws {
        let node = try DocumentReader.read(Array("ключ: [é, x]".utf8))
        guard case .mapping(let members) = node.content, case .sequence(let items) = members[0].value.content else {
            Issue.record("the shape is wrong")
            return
        }
        #expect(members[0].keyMark == Mark(line: 1, column: 1))
        #expect(items.map(\.mark) == [Mark(line: 1, column: 8), Mark(line: 1, column: 11)])
    }
}
