/// How one field of a cron expression is written: numbers, names, ranges, steps and lists.
struct CronText {
    static let minute = CronText(name: "minute", range: 0...59)
    static let hour = CronText(name: "hour", range: 0...23)
    static let day = CronText(name: "day of the month", range: 1...31)
    static let month = CronText(
        name: "month", range: 1...12,
        words: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
    static let weekday = CronText(
        name: "day of the week", range: 0...7, words: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])

    private static let shorthands = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    private let name: String
    private let range: ClosedRange<Int>
    /// Names of its values, from the first one on.
    private var words: [String] = []

    /// The five fields of an expression or of a word such as `@daily`.
    static func fields(_ text: String) throws(Failure) -> [String] {
        let words = text.split { $0 == " " || $0 == "\t" }.map { $0.uppercased() }
        if words.count == 1, words[0].hasPrefix("@") {
            let known = shorthands.keys.sorted()
            guard let expression = shorthands[words[0].lowercased()] else {
                throw Failure(
                    .invalidValue, "`\(text)` is no word for a schedule",
                    hint: "The words are \(known.joined(separator: ", ")).")
            }
            return expression.split(separator: " ").map(String.init)
        }
        guard words.count == 5 else {
            let count = "\(words.count) field\(words.count == 1 ? "" : "s")"
            throw Failure(
                .invalidValue, "`\(text)` has \(count); a cron expression has five", hint: CronText.hint(for: words))
        }
        return words
    }

    /// What to write instead of so many words.
    private static func hint(for words: [String]) -> String {
        if words.count == 6 {
            return "Seconds are not supported; write minute, hour, day of the month, month, day of the week."
        }
        let first = words.first?.lowercased() ?? ""
        if first == "every" || words.count == 1 && DurationText.parse(first) != nil {
            return "For a period write `{ every: \(first == "every" ? "5m" : first) }`."
        }
        return "Write minute, hour, day of the month, month, day of the week, such as `*/15 * * * *`."
    }

    /// The values of the field as bits.
    func bits(_ text: String) throws(Failure) -> UInt64 {
        var bits: UInt64 = 0
        for item in text.split(separator: ",", omittingEmptySubsequences: false) { bits |= try self.item(item) }
        return bits
    }

    private func item(_ text: Substring) throws(Failure) -> UInt64 {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let base = parts[0]
        var step = 1
        if parts.count == 2 {
            let most = range.upperBound - range.lowerBound
            guard let number = CronText.number(parts[1]), (1...most).contains(number) else {
                throw refusal("the step `\(parts[1])`", "A step is a number from 1 to \(most).")
            }
            step = number
        }
        if base == "*" { return CronText.bits(range, step) }
        let bounds = base.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let first = try value(bounds[0])
        guard bounds.count == 2 else {
            guard parts.count == 1 else {
                throw refusal(
                    "`\(text)`, a step without a range,", "Write `\(base)-\(range.upperBound)/\(step)` or `*/\(step)`.")
            }
            return 1 << UInt64(first)
        }
        var last = try value(bounds[1])
        // A week may end on Sunday, which is 7 then.
        if last == 0, first > 0, range.upperBound == 7 { last = 7 }
        guard first <= last else {
            throw refusal(
                "the range `\(base)`, which ends before it begins,",
                "Write it as two: `\(bounds[0])-\(range.upperBound),\(range.lowerBound)-\(bounds[1])`.")
        }
        return CronText.bits(first...last, step)
    }

    private func value(_ text: Substring) throws(Failure) -> Int {
        if let number = CronText.number(text), range.contains(number) { return number }
        if let place = words.firstIndex(where: { $0 == text }) { return range.lowerBound + place }
        throw refusal(
            "`\(text)`",
            "It is a number from \(range.lowerBound) to \(range.upperBound)"
                + (words.isEmpty ? "" : " or one of \(words.joined(separator: ", "))") + ", `*`, a range or a list.")
    }

    private func refusal(_ what: String, _ hint: String) -> Failure {
        Failure(.invalidValue, "the \(name) cannot be \(what) in a cron expression", hint: hint)
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.count <= 4, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    private static func bits(_ range: ClosedRange<Int>, _ step: Int) -> UInt64 {
        stride(from: range.lowerBound, through: range.upperBound, by: step).reduce(0) { $0 | 1 << UInt64($1) }
    }
}
