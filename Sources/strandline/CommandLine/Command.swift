/// One command of the program.
protocol Command: SendableMetatype {
    /// Its name, operands and options.
    static var form: CommandForm { get }
    /// Takes its arguments, noting every one that is wrong in `problems`; it is not run when there are any.
    init(_ arguments: Arguments, problems: inout [String])
    /// Does the work; throws what ended it.
    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode
}

/// Why a command could not do its work.
struct CommandError: Error, Sendable {
    /// What is wrong, naming the thing.
    let message: String
    /// What to do about it; empty when the message says all.
    var hint = ""
    /// What the process answers.
    var code = ExitCode.failure
}
