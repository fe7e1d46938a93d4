/// SQL as a person wrote it, cut into its statements without a database.
///
/// A statement ends at a semicolon that stands neither in a text, a name or a comment nor in the body of a trigger, as
/// SQLite itself tells (https://sqlite.org/c3ref/complete.html).
public struct SQLScript: Sendable, Equatable {
    /// One statement.
    public struct Statement: Sendable, Equatable {
        /// Its text, without the semicolon.
        public var sql: String
        /// The line on which it begins, from 1.
        public var line: Int
        /// Its first word, in capitals; empty where it begins with none.
        public var keyword: String
        /// The parameters that it names, each once, as they are written; a nameless one is `?`.
        public var parameters: [String]
    }

    /// The whole text.
    public let text: String
    /// Its statements in order; those that are empty are left out.
    public let statements: [Statement]

    /// Cuts a text.
    public init(_ text: String) {
        self.text = text
        var cutter = SQLCutter(Array(text.utf8))
        statements = cutter.statements()
    }
}

/// Walks over a text once, token by token.
private struct SQLCutter {
    /// Where a walk stands between the words of a statement; a trigger's body is over at `; END ;`.
    private enum State {
        case start, normal, explain, create, trigger, semicolon, end
    }

    private let bytes: [UInt8]
    private var at = 0
    private var line = 1
    private var state = State.start
    private var first: (place: Int, line: Int)?
    private var keyword: String?
    private var parameters: [String] = []
    private var found: [SQLScript.Statement] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func statements() -> [SQLScript.Statement] {
        while at < bytes.count {
            let start = at
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0C, 0x0D: at += 1
            case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"): skip { $0 != 0x0A }
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): skipComment()
            case UInt8(ascii: ";"): take(semicolonAt: start)
            default: token()
            }
            line += bytes[start..<at].count { $0 == 0x0A }
        }
        end(at: at)
        return found
    }

    // MARK: Tokens

    private mutating func token() {
        if first == nil { first = (at, line) }
        let start = at
        switch bytes[at] {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"): skipQuoted(to: bytes[at])
        case UInt8(ascii: "["): skipQuoted(to: UInt8(ascii: "]"))
        case UInt8(ascii: "?"):
            at += 1
            skip { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            note(parameter: "?")
        case UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "$"):
            at += 1
            skip(SQLCutter.isName)
            if at > start + 1 { note(parameter: String(decoding: bytes[start..<at], as: UTF8.self)) }
        case let byte where SQLCutter.isName(byte):
            skip(SQLCutter.isName)
            return take(word: String(decoding: bytes[start..<at], as: UTF8.self).uppercased())
        default: at += 1
        }
        take(word: "")
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    private func peek(_ distance: Int) -> UInt8? { at + distance < bytes.count ? bytes[at + distance] : nil }

    private mutating func skip(_ belongs: (UInt8) -> Bool) {
        while at < bytes.count, belongs(bytes[at]) { at += 1 }
    }

    private mutating func skipComment() {
        at += 2
        while at < bytes.count, !(bytes[at] == UInt8(ascii: "*") && peek(1) == UInt8(ascii: "/")) { at += 1 }
        at = min(at + 2, bytes.count)
    }

    /// A quote within is doubled, and so reads as the end of one text and the beginning of the next.
    private mutating func skipQuoted(to quote: UInt8) {
        at += 1
        skip { $0 != quote }
        at = min(at + 1, bytes.count)
    }

    private mutating func note(parameter: String) {
        if !parameters.contains(parameter) { parameters.append(parameter) }
    }

    // MARK: Statements

    private mutating func take(word: String) {
        if keyword == nil { keyword = word }
        switch (state, word) {
        case (.start, "EXPLAIN"): state = .explain
        case (.start, "CREATE"), (.explain, "CREATE"): state = .create
        case (.explain, "QUERY"), (.explain, "PLAN"), (.create, "TEMP"), (.create, "TEMPORARY"): break
        case (.create, "TRIGGER"): state = .trigger
        case (.semicolon, "END"): state = .end
        case (.trigger, _), (.semicolon, _), (.end, _): state = .trigger
        default: state = .normal
        }
    }

    private mutating func take(semicolonAt place: Int) {
        at += 1
        switch state {
        case .trigger, .semicolon: state = .semicolon
        default: end(at: place)
        }
    }

    private mutating func end(at place: Int) {
        defer {
            state = .start
            first = nil
            keyword = nil
            parameters = []
        }
        guard let first else { return }
        var last = place
        while last > first.place, [0x20, 0x09, 0x0A, 0x0C, 0x0D].contains(bytes[last - 1]) {
            last -= 1
        }
        found.append(
            SQLScript.Statement(
                sql: String(decoding: bytes[first.place..<last], as: UTF8.self), line: first.line,
                keyword: keyword ?? "", parameters: parameters))
    }
}
