/// What the process answers to its caller.
enum ExitCode: Int32, Sendable {
    case success = 0
    /// The work failed.
    case failure = 1
    /// The words on the command line, or the environment, were wrong; nothing was done.
    case usage = 2
}
