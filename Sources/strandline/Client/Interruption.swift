internal import Glibc
internal import Platform

/// Ctrl-C for a command that waits: the first ends it in good order, the second at once.
enum Interruption {
    /// Takes the process's signals; the token stops at the first of them. To be called once, while there is one thread.
    static func take() -> StopToken {
        Signals.block()
        // What is written to a reader that left ends the command, as it does everywhere.
        signal(SIGPIPE, SIG_DFL)
        let token = StopToken()
        Thread.start(name: "signals") {
            _ = Signals.next()
            token.stop(.cancelled)
            _ = Signals.next()
            _exit(ExitCode.failure.rawValue)
        }
        return token
    }
}
