/// One `--name` of a command.
struct Option: Sendable {
    /// The name without its dashes.
    let name: String
    /// What stands for the value in the help; nil for a switch, which has none.
    let placeholder: String?
    /// A sentence for the help.
    let help: String
    /// The value when none is given, as the help shows it; nil when there is none.
    let usual: String?
    /// Whether it may be given more than once.
    let isRepeatable: Bool
    /// The environment variable that stands for it; nil when there is none.
    let variable: String?
    /// The letter that stands for it, as `f` does in `-f`; nil when there is none.
    var letter: String?

    /// An option with a value.
    static func value(
        _ name: String, _ placeholder: String, _ help: String, usual: String? = nil, isRepeatable: Bool = false,
        variable: String? = nil
    ) -> Option {
        Option(
            name: name, placeholder: placeholder, help: help, usual: usual, isRepeatable: isRepeatable,
            variable: variable)
    }

    /// An option without a value.
    static func flag(_ name: String, _ help: String, variable: String? = nil, letter: String? = nil) -> Option {
        Option(
            name: name, placeholder: nil, help: help, usual: nil, isRepeatable: false, variable: variable,
            letter: letter)
    }
}

/// One word of a command that is no option.
struct Operand: Sendable {
    /// The name in the help, such as `PIPELINE`.
    let name: String
    /// Whether it may be left out.
    var isOptional = false
    /// Whether it may stand more than once; only the last operand may.
    var isRepeatable = false
}
