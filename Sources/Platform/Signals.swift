internal import Glibc

/// The process's signals, taken by one thread that waits for them.
public enum Signals {
    /// What an operator asks for by a signal.
    public enum Request: Sendable {
        /// SIGTERM or SIGINT: end in good order.
        case stop
        /// SIGHUP: read the configuration again.
        case reload
    }

    /// Blocks SIGTERM, SIGINT and SIGHUP for this thread and all it starts later, and ignores SIGPIPE.
    ///
    /// Must be called before any other thread is started.
    public static func block() {
        var set = taken()
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for the next signal; `block` must have been called.
    public static func next() -> Request {
        var set = taken()
        var number: Int32 = 0
        while true {
            guard sigwait(&set, &number) == 0 else { continue }
            return number == SIGHUP ? .reload : .stop
        }
    }

    private static func taken() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGHUP)
        return set
    }
}
