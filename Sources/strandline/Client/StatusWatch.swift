internal import HTTPClient
internal import Model
internal import Platform

/// Shows something anew whenever a server tells of an event, and now and then where it tells nothing.
struct StatusWatch {
    /// The server.
    let client: ServerClient
    /// Where it is shown.
    let terminal: Terminal

    /// What the listening thread tells.
    private struct News {
        var isThere = false
        var isInterrupted = false
    }

    /// Calls `show` at once, after each event, and each time `beat` has passed, until Ctrl-C. A server that is gone is waited for.
    func follow(beat: Duration, show: () throws(CommandError) -> Void) throws(CommandError) {
        let token = Interruption.take()
        let news = Monitor(News())
        // Only to end the wait: whether it was stopped is asked below.
        _ = token.addHandler { news.update { $0.isInterrupted = true } }
        Thread.start(name: "events") { [client] in
            while token.reason == nil {
                // Where no stream is given the beat has to do.
                _ = try? client.listen("/v1/events", after: nil, isStopped: { token.reason != nil }) { _ in
                    news.update { $0.isThere = true }
                    return token.reason == nil
                }
                _ = Monitor(()).wait(upTo: .seconds(2)) { _ -> Bool? in nil }
            }
        }
        while token.reason == nil {
            news.update { $0.isThere = false }
            try Patience(terminal: terminal).ask(knowsServer: true, show)
            // Events come in flocks: one look is for all of them.
            _ = Monitor(()).wait(upTo: .milliseconds(200)) { _ -> Bool? in nil }
            _ = news.wait(upTo: beat) { $0.isThere || $0.isInterrupted ? true : nil }
        }
    }
}
