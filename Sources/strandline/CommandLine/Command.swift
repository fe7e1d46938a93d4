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
    /// The status with which a server refused it; nil where none did.
    var status: Int?
    /// Whether asking again may help.
    var outlook = Outlook.lasting

    /// What to expect of asking again.
    enum Outlook: Sendable {
        /// The same answer.
        case lasting
        /// Nobody listens: the server starts again, or there is none.
        case unreachable
        /// The server was there, and broke off or stops: it may come back.
        case interrupted
    }
}
