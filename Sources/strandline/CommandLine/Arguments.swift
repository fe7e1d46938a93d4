internal import Model

/// The operands and options that were given to a command.
struct Arguments {
    /// One value of an option with where it came from.
    struct Given {
        /// The value; empty for a switch.
        let value: String
        /// `--listen`, or the environment variable.
        let origin: String
    }

    /// The command's form.
    let form: CommandForm
    /// The operands in order.
    let operands: [String]
    private let given: [String: [Given]]

    /// Makes the arguments that a reader found.
    init(form: CommandForm, operands: [String], given: [String: [Given]]) {
        self.form = form
        self.operands = operands
        self.given = given
    }

    /// The operand at a place; nil when it was left out.
    func operand(_ index: Int) -> String? { index < operands.count ? operands[index] : nil }

    /// Whether a switch was given.
    func flag(_ name: String) -> Bool { given[name] != nil }

    /// The value of an option; nil when it was not given.
    func value(_ name: String) -> Given? { given[name]?.last }

    /// The text of an option; nil when it was not given.
    func text(_ name: String) -> String? { value(name)?.value }

    /// The texts of a repeatable option.
    func texts(_ name: String) -> [String] { (given[name] ?? []).map(\.value) }

    /// A whole number within `range`; `usual` when the option was not given or was refused.
    func whole(_ name: String, in range: ClosedRange<Int>, usual: Int, _ problems: inout [String]) -> Int {
        guard let given = value(name) else { return usual }
        guard let number = Int(given.value), range.contains(number) else {
            problems.append(
                "\(given.origin) is `\(given.value)`; it takes a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
            return usual
        }
        return number
    }

    /// A length of time; `usual` when the option was not given or was refused.
    func duration(
        _ name: String, in range: ClosedRange<Duration>, usual: Duration, _ problems: inout [String]
    ) -> Duration {
        guard let given = value(name) else { return usual }
        guard let duration = DurationText.parse(given.value), range.contains(duration) else {
            problems.append(
                "\(given.origin) is `\(given.value)`; it takes a length of time such as 30s or 5m, up to "
                    + DurationText.format(range.upperBound))
            return usual
        }
        return duration
    }

    /// One of the words of a closed set; `usual` when the option was not given or was refused.
    func word(_ name: String, of words: [String], usual: String, _ problems: inout [String]) -> String {
        guard let given = value(name) else { return usual }
        if words.contains(given.value) { return given.value }
        let nearest = NearestName.find(given.value, among: words).map { "did you mean \($0)? It" } ?? "it"
        problems.append("\(given.origin) is `\(given.value)`; \(nearest) is one of \(words.joined(separator: ", "))")
        return usual
    }
}
