import Testing

/// Each rule catches a made-up violation and lets its neighbours pass.
struct HouseRulesTests {
    private let table: [String: Set<String>] = ["Model": ["Platform"], "Platform": []]

    private func file(_ text: String, at path: String = "Sources/Model/Made.swift") -> HouseFile {
        HouseFile(path: path, text: text)
    }

    @Test(arguments: [
        "import Foundation", "public import SQLite", "@preconcurrency import Glibc", "internal import struct Store.Row",
        "@testable import API", "let a = 1; import Darwin\nimport Dispatch",
    ])
    func refusesAnImportThatIsNotBelow(text: String) {
        #expect(HouseRules.imports(file(text), table: table).count == 1)
    }

    @Test(arguments: [
        "import Platform", "internal import Synchronization", "// import Foundation", "let text = \"import Store\"",
        "/* import Store\nimport Store */", "let importance = 1",
    ])
    func letsAnImportBelowPass(text: String) {
        #expect(HouseRules.imports(file(text), table: table) == [])
    }

    @Test func refusesATargetThatIsNotInTheTable() {
        let found = HouseRules.imports(file("", at: "Sources/Extra/Made.swift"), table: table)
        #expect(found.map(\.sentence) == ["the target Extra is not in the import table"])
    }

    @Test func onlyPlatformAndTheNamedTargetsReachGlibc() {
        #expect(HouseRules.imports(file("import Glibc"), table: table).count == 1)
        #expect(HouseRules.imports(file("import Glibc", at: "Sources/Platform/Made.swift"), table: table) == [])
    }

    @Test func refusesTheDaemonsWordsElsewhere() {
        let text = "let answer = MHD_YES"
        #expect(HouseRules.daemonWords(file(text, at: "Sources/HTTPServer/Listener.swift")).count == 1)
        #expect(HouseRules.daemonWords(file(text, at: "Sources/API/MicroHTTPDaemon.swift")).count == 1)
        #expect(HouseRules.daemonWords(file(text, at: "Sources/HTTPServer/MicroHTTPDaemon+Body.swift")) == [])
    }

    @Test(arguments: [
        "let a = try! load()", "let a = b as! Int", "fatalError(\"no\")", "    print(a)", "// TODO: more",
        "/* FIXME */",
        "let a = list.first!", "let a = map[1]!.name", "let a = call()!", "debugPrint(a)",
        "let a = \"\"\"\n  text\n  \"\"\"; print(a)",
    ])
    func refusesAForbiddenWord(text: String) {
        #expect(HouseRules.forbiddenWords(file(text)).count == 1)
        #expect(HouseRules.forbiddenWords(file(text, at: "Tests/ModelTests/Made.swift")) == [])
    }

    @Test(arguments: [
        "let a = b != c", "guard !list.isEmpty else { return }", "fingerprint(a)", "log.print(a)",
        "// never try! here", "let a = \"print(this)!\"", "let a = \"\\(name(\"x\"))! print(b)\"", "if a, !b { }",
        "let sql = \"\"\"\n    print(1)!\n    \"\"\"", "case .a!=.b",
    ])
    func letsHarmlessCodePass(text: String) {
        #expect(HouseRules.forbiddenWords(file(text)) == [])
    }

    @Test func refusesAnUnexplainedPromise() {
        let bare = "final class Box: @unchecked Sendable {\n}\n"
        #expect(HouseRules.unexplainedSendable(file(bare)).map(\.line) == [1])
        #expect(HouseRules.unexplainedSendable(file("// SAFETY: the lock guards it.\n" + bare)) == [])
        let far = "// SAFETY: too far.\n" + String(repeating: "let a = 1\n", count: 9) + bare
        #expect(HouseRules.unexplainedSendable(file(far)).count == 1)
    }

    @Test func refusesALongFile() {
        let line = "let a = 1\n"
        #expect(HouseRules.length(file(String(repeating: line, count: HouseRules.mostLines))) == [])
        #expect(HouseRules.length(file(String(repeating: line, count: HouseRules.mostLines + 1))).count == 1)
    }

    @Test(arguments: ["/ho" + "me/ada/x", "see /wo" + "rk/x", "https://pypi" + ".org/simple"])
    func refusesAPlaceOfAMachine(text: String) {
        #expect(HouseRules.machinePaths(file(text, at: "README.md")).map(\.line) == [1])
        #expect(HouseRules.machinePaths(file("/var/lib/strandline", at: "README.md")) == [])
    }

    @Test func refusesAStrayEntryAtTheTop() {
        let names = [".git", ".build", "Sources", "shop.db", "notes.txt", "strandline-data"]
        let found = TopLevel.violations(names, ignore: ".build/\n*.db\n/strandline-data/\n")
        #expect(found.map(\.path) == ["notes.txt"])
    }
}
