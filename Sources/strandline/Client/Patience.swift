internal import Model
internal import Platform

/// Asks a server again for a while when it breaks off, as one does that starts anew, and says so.
struct Patience {
    /// Where it is said.
    let terminal: Terminal
    /// How long it is asked, from the first time that it broke off.
    var limit = Limits.clientPatience

    /// The answer of `request`, which must do no harm when it is sent twice.
    ///
    /// - Parameter knowsServer: whether the server has answered before; a server that nobody has seen yet is not waited
    ///   for when nothing listens at its address.
    func ask<Answer>(
        knowsServer: Bool, _ request: () throws(CommandError) -> Answer
    ) throws(CommandError) -> Answer {
        var trial = Trial(patience: self, knowsServer: knowsServer)
        while true {
            do throws(CommandError) {
                let answer = try request()
                trial.noteAnswer()
                return answer
            } catch {
                try trial.wait(after: error)
            }
        }
    }

    /// What a server has done so far to whoever is patient with it.
    struct Trial {
        /// How long it is borne.
        let patience: Patience
        /// Whether the server has answered before.
        var knowsServer: Bool
        private var end: Duration?
        private var pause = Duration.milliseconds(100)

        /// Begins with a server that breaks off for the first time when `wait` is called.
        init(patience: Patience, knowsServer: Bool) {
            self.patience = patience
            self.knowsServer = knowsServer
        }

        /// The server has answered.
        mutating func noteAnswer() {
            if end != nil { patience.tell("the server answers again") }
            (end, pause, knowsServer) = (nil, .milliseconds(100), true)
        }

        /// Waits before the server is asked again; throws the failure where that would not help, or the time is over.
        mutating func wait(after failure: CommandError) throws(CommandError) {
            switch failure.outlook {
            case .lasting: throw failure
            case .unreachable where !knowsServer && end == nil: throw failure
            case .unreachable, .interrupted: break
            }
            let now = SystemClock().uptime()
            if end == nil {
                end = now + patience.limit
                patience.tell("\(failure.message); asking again for \(DurationText.format(patience.limit))")
            }
            guard let end, now < end else { throw failure }
            _ = Monitor(()).wait(upTo: min(pause, end - now)) { _ -> Bool? in nil }
            pause = min(pause * 2, .seconds(1))
        }
    }

    /// Says it on a line of its own, above a bar that may be shown.
    private func tell(_ text: String) {
        if terminal.showsProgress { terminal.progress("") }
        terminal.error(text)
    }
}
