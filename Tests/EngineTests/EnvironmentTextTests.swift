import Model
import Testing

@testable import Engine

struct EnvironmentTextTests {
    private let environment = ["DIR": "/srv/secret", "FILE": "shop", "DOT": ".", "EMPTY": ""]

    @Test(arguments: [
        ("shop.db", "shop.db"), ("${DIR}/shop.db", "/srv/secret/shop.db"), ("${DIR}/${FILE}.db", "/srv/secret/shop.db"),
        ("${EMPTY}a$b{c}", "a$b{c}"), ("", ""),
    ])
    func putsValuesForNames(text: String, expanded: String) throws {
        #expect(try read(text).expanded == expanded)
    }

    @Test func namesAVariableThatIsNotSet() {
        let failure = #expect(throws: Failure.self) { try read("${DIR}/${MISSING}") }
        #expect(failure?.code == .invalidValue)
        #expect(failure?.message == "connection shop: the environment variable MISSING is not set")
        #expect(failure?.hint.contains("/srv/secret") == false)
    }

    @Test(arguments: ["${", "${DIR", "${}", "${1A}", "${A B}", "${A-B}"])
    func refusesWhatNamesNoVariable(text: String) {
        #expect(throws: Failure.self) { try read(text) }
    }

    @Test func hidesValuesInMessages() throws {
        let text = try read("${DIR}/${FILE}.db")
        #expect(text.redact("/srv/secret/shop.db is locked") == "${DIR}/${FILE}.db is locked")
        #expect(text.redact("cannot read /srv/secret") == "cannot read ${DIR}")
        #expect(text.redact("/mnt/disk/shop.db is full", path: "/mnt/disk/shop.db") == "${DIR}/${FILE}.db is full")
    }

    @Test func leavesOtherMessagesAlone() throws {
        #expect(try read("shop.db").redact("shop.db is locked. Wait.") == "shop.db is locked. Wait.")
        let dotted = try read("${DOT}/shop.db")
        #expect(dotted.redact("./shop.db is locked. Wait.") == "${DOT}/shop.db is locked. Wait.")
    }

    private func read(_ text: String) throws -> EnvironmentText {
        try EnvironmentText(text, of: "connection shop", environment: environment)
    }
}
