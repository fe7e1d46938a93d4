import Testing

/// The page of the ways in which rows are lost names a test for each of them, or says why it cannot happen.
struct LostRowsTests {
    @Test func everyWayIsHeldByATestOrAReason() throws {
        let page = try Repository.text("docs/lost-rows.md")
        var tested: Set<Int> = []
        for file in try Repository.files() where file.path.hasPrefix("Tests/") && !file.path.contains("LostRows") {
            tested.formUnion(LostRowsTests.numbers(in: file.text))
        }
        for number in 1...46 {
            let row = page.split(separator: "\n").first { $0.hasPrefix("| \(number) |") }
            let text = try #require(row, "way \(number) is not on the page")
            #expect(
                text.contains("Tested.") == tested.contains(number),
                "way \(number): the page says \(text.contains("Tested.") ? "it is" : "it is not") tested")
        }
    }

    @Test func findsTheNumbersOfATest() {
        #expect(LostRowsTests.numbers(in: "@Test(\"PAINS 27, 28: x\")") == [27, 28])
        #expect(LostRowsTests.numbers(in: "/// PAINS 13 and 14: x") == [13, 14])
        #expect(LostRowsTests.numbers(in: "PAINS or 5") == [])
    }

    /// The numbers that follow the word, as `PAINS 13 and 14` or `PAINS 1, 2`.
    private static func numbers(in text: String) -> Set<Int> {
        var found: Set<Int> = []
        for part in text.split(separator: "PAINS ", omittingEmptySubsequences: false).dropFirst() {
            let words = part.prefix { $0.isNumber || $0 == "," || $0 == " " || "and".contains($0) }
            guard words.first?.isNumber == true else { continue }
            found.formUnion(words.split { !$0.isNumber }.compactMap { Int($0) })
        }
        return found
    }
}
