import Testing

/// The repository keeps the rules of the house.
struct HouseTests {
    @Test func importsRunDownward() throws {
        try check { HouseRules.imports($0, table: ImportTable.allowed) }
    }

    @Test func manifestKeepsTheImportTable() throws {
        let manifest = try Repository.text("Package.swift")
        #expect(ImportTable.violations(ofManifest: manifest, table: ImportTable.allowed) == [])
        #expect(Set(ImportTable.dependencies(inManifest: manifest).keys) == Set(ImportTable.allowed.keys))
        #expect(ImportTable.cycle(in: ImportTable.allowed) == [])
    }

    @Test func onlyTheDaemonSpeaksLibmicrohttpd() throws { try check(HouseRules.daemonWords) }

    @Test func sourcesHaveNoForbiddenWords() throws { try check(HouseRules.forbiddenWords) }

    @Test func everyUncheckedSendableIsExplained() throws { try check(HouseRules.unexplainedSendable) }

    @Test func noFileIsTooLong() throws { try check(HouseRules.length) }

    @Test func noFileNamesAPlaceOfAMachine() throws { try check(HouseRules.machinePaths) }

    @Test func theTopHasOnlyItsOwnEntries() throws {
        #expect(TopLevel.violations(try Repository.names(), ignore: try Repository.text(".gitignore")) == [])
    }

    /// Reports each violation of `rule` in the repository on its own.
    private func check(_ rule: (HouseFile) -> [Violation]) throws {
        let files = try Repository.files()
        // Without files nothing would be proved.
        #expect(files.contains { $0.isSource })
        for violation in files.flatMap(rule) { Issue.record("\(violation)") }
    }
}
