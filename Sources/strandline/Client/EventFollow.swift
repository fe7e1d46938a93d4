internal import HTTPClient
internal import Model
internal import Platform

/// Follows a stream of events, also across a server that starts anew.
struct EventFollow {
    /// The server.
    let client: ServerClient
    /// Where it is said when the server breaks off.
    let terminal: Terminal
    /// What ends it from outside, such as Ctrl-C.
    let interruption: StopToken

    /// Hands each event to `take` until it answers false, the server says that nothing follows, or the interruption comes.
    ///
    /// - Parameters:
    ///   - after: the number of the event to begin behind; nil for where the stream begins by itself.
    ///   - last: the kind of event after which the stream may end; nil where it goes on for ever.
    ///   - knowsServer: whether the server has answered before, so that one that is gone is waited for.
    ///   - mayBeRefused: whether a refusal by the server is thrown at once, also one that may pass.
    func listen(
        _ path: String, after: Int64?, until last: String? = nil, knowsServer: Bool = true,
        mayBeRefused: Bool = false, take: @escaping (ServerSentEvent) -> Bool
    ) throws(CommandError) {
        // Held by the closure too, which outlives no call of `listen`.
        final class Place {
            var last: String?
            var isDone = false
            var mayEnd = false
            var trial: Patience.Trial
            init(_ last: String?, _ trial: Patience.Trial) {
                self.last = last
                self.trial = trial
            }
        }
        let trial = Patience.Trial(patience: Patience(terminal: terminal), knowsServer: knowsServer)
        let place = Place(after.map(String.init), trial)
        let token = interruption
        while token.reason == nil {
            let failure: CommandError
            do throws(CommandError) {
                let status = try client.listen(path, after: place.last, isStopped: { token.reason != nil }) { event in
                    place.trial.noteAnswer()
                    place.last = event.lastID ?? place.last
                    if event.kind == last { place.mayEnd = true }
                    place.isDone = !take(event)
                    return !place.isDone
                }
                if place.isDone || place.mayEnd || status == 204 || token.reason != nil { return }
                failure = CommandError(message: "\(client.address) ended the stream", outlook: .interrupted)
            } catch {
                if mayBeRefused, error.status != nil { throw error }
                failure = error
            }
            try place.trial.wait(after: failure)
        }
    }
}
