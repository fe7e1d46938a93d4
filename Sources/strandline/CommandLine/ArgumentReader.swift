internal import Model

/// Reads the words after a command's name into its arguments, noting every fault and not only the first.
struct ArgumentReader {
    private let form: CommandForm
    private let environment: (String) -> String?
    private var given: [String: [Arguments.Given]] = [:]
    private var operands: [String] = []
    private var problems: [String] = []

    private init(_ form: CommandForm, environment: @escaping (String) -> String?) {
        self.form = form
        self.environment = environment
    }

    /// Reads `words` by `form`; options that are not among them are looked for in the environment.
    static func read(
        _ words: [String], by form: CommandForm, environment: @escaping (String) -> String?
    ) -> (arguments: Arguments, problems: [String]) {
        var reader = ArgumentReader(form, environment: environment)
        reader.readWords(words)
        reader.readEnvironment()
        reader.checkOperands()
        return (Arguments(form: form, operands: reader.operands, given: reader.given), reader.problems)
    }

    private mutating func readWords(_ words: [String]) {
        var rest = words[...]
        var onlyOperands = false
        while let word = rest.popFirst() {
            if onlyOperands || !word.hasPrefix("-") || word == "-" || isNegativeNumber(word) {
                operands.append(word)
            } else if word == "--" {
                onlyOperands = true
            } else {
                readOption(word, &rest)
            }
        }
    }

    private mutating func readOption(_ word: String, _ rest: inout ArraySlice<String>) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let written = parts[0]
        let option = form.options.first { "--" + $0.name == written || $0.letter.map { "-" + $0 } == written }
        guard let option else {
            noteUnknown(written, value: parts.count > 1, &rest)
            return
        }
        if !option.isRepeatable, given[option.name] != nil {
            problems.append("\(written) is given twice; give it once")
        }
        guard option.placeholder != nil else {
            if parts.count > 1 { problems.append("\(written) takes no value; write it alone") }
            given[option.name, default: []].append(Arguments.Given(value: "", origin: written))
            return
        }
        if parts.count > 1 {
            given[option.name, default: []].append(Arguments.Given(value: parts[1], origin: written))
        } else if let value = rest.first, !value.hasPrefix("--") {
            rest.removeFirst()
            given[option.name, default: []].append(Arguments.Given(value: value, origin: written))
        } else {
            problems.append("\(written) needs a value; write \(written) \(option.placeholder ?? "")")
        }
    }

    private mutating func noteUnknown(_ written: String, value: Bool, _ rest: inout ArraySlice<String>) {
        let name = String(written.drop { $0 == "-" })
        guard let nearest = NearestName.find(name, among: form.options.map(\.name) + ["help"]) else {
            problems.append("there is no \(written) here; strandline \(form.name) --help lists the options")
            return
        }
        problems.append("there is no \(written) here; did you mean --\(nearest)?")
        // What follows a misspelt option is most likely its value, and no operand too many.
        let takesValue = form.options.contains { $0.name == nearest && $0.placeholder != nil }
        if takesValue, !value, let next = rest.first, !next.hasPrefix("--") { rest.removeFirst() }
    }

    private func isNegativeNumber(_ word: String) -> Bool { Double(word) != nil }

    private mutating func readEnvironment() {
        for option in form.options where given[option.name] == nil {
            guard let variable = option.variable, let value = environment(variable), !value.isEmpty else { continue }
            if option.placeholder == nil {
                switch value.lowercased() {
                case "1", "true", "yes": given[option.name] = [Arguments.Given(value: "", origin: variable)]
                case "0", "false", "no": break
                default: problems.append("\(variable) is `\(value)`; set it to true or false")
                }
            } else if option.isRepeatable {
                given[option.name] = value.split(separator: ",").map {
                    Arguments.Given(value: String($0), origin: variable)
                }
            } else {
                given[option.name] = [Arguments.Given(value: value, origin: variable)]
            }
        }
    }

    private mutating func checkOperands() {
        let needed = form.operands.filter { !$0.isOptional }
        for operand in needed.dropFirst(operands.count) {
            problems.append("\(operand.name) is missing; see strandline \(form.name) --help")
        }
        guard form.operands.last?.isRepeatable != true else { return }
        for word in operands.dropFirst(form.operands.count) {
            problems.append("`\(word)` is one word too many; see strandline \(form.name) --help")
        }
    }
}
