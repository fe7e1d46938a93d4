import Testing

/// Only code is left of a line.
struct CodeScanTests {
    @Test(arguments: [
        ("let a = 1 // one", "let a = 1 "),
        ("let a = \"x // y\" + b", "let a = \"\" + b"),
        ("let a = \"x \\\" y\" + b", "let a = \"\" + b"),
        ("let a = \"x \\(f(\"q\")) y\" + b", "let a = \"\" + b"),
        ("a /* b */ c", "a  c"),
        ("let a = \"\"\"", "let a = "),
    ])
    func keepsTheCode(line: String, code: String) {
        var scan = CodeScan()
        #expect(scan.code(of: line[...]) == code)
    }

    @Test func remembersWhereALineEnded() {
        let file = HouseFile(path: "a.swift", text: "let a = \"\"\"\n  print(1)\n  \"\"\" + b\n/* c\nd */ e")
        #expect(file.code.map(\.text) == ["let a = ", "", "\"\" + b", "", " e"])
    }
}
