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
        let clock = SystemClock()
        let pause = Monitor(())
        var end: Duration?
        var wait = Duration.milliseconds(100)
        while true {
            let failure: CommandError
            do throws(CommandError) {
                let answer = try request()
                if end != nil { tell("the server answers again") }
                return answer
            } catch {
                failure = error
            }
            switch failure.outlook {
            case .lasting: throw failure
            case .unreachable where !knowsServer && end == nil: throw failure
            case .unreachable, .interrupted: break
            }
            let now = clock.uptime()
            if end == nil {
                end = now + limit
                tell("\(failure.message); asking again for \(DurationText.format(limit))")
            }
            guard let end, now < end else { throw failure }
            _ = pause.wait(upTo: min(wait, end - now)) { _ -> Bool? in nil }
            wait = min(wait * 2, .seconds(1))
        }
    }

    /// Says it on a line of its own, above a bar that may be shown.
    private func tell(_ text: String) {
        if terminal.showsProgress { terminal.progress("") }
        terminal.error(text)
    }
}
