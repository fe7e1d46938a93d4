import Testing

/// The manifest is read as it is written, and an arrow that points up is seen.
struct ImportTableTests {
    private let manifest = """
        let package = Package(
            targets: [
                .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
                .target(name: "Platform", swiftSettings: house),
                .target(
                    name: "Model", dependencies: ["Platform", "Store"],
                    swiftSettings: house),
                .executableTarget(name: "tool", dependencies: [
                    "Model",
                ]),
                .testTarget(name: "ModelTests", dependencies: ["Everything"]),
            ])
        """

    @Test func readsTargetsAndTheirDependencies() {
        #expect(
            ImportTable.dependencies(inManifest: manifest)
                == ["Platform": [], "Model": ["Platform", "Store"], "tool": ["Model"]])
    }

    @Test func refusesADependencyThatTheTableLacks() {
        let table: [String: Set<String>] = ["Platform": [], "Model": ["Platform"]]
        #expect(
            ImportTable.violations(ofManifest: manifest, table: table).map(\.sentence)
                == ["Model may not depend on Store", "the target tool is not in the import table"])
    }

    @Test func findsACycle() {
        #expect(
            ImportTable.cycle(in: ["A": ["B"], "B": ["C"], "C": ["A"], "D": ["A"], "E": []]) == ["A", "B", "C", "D"])
        #expect(ImportTable.cycle(in: ["A": ["B", "CExternal"], "B": []]) == [])
    }
}
