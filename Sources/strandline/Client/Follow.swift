internal import Model
internal import Platform

/// Follows work on a server that no event tells of to its end, by asking now and then.
struct Follow {
    /// The server.
    let client: ServerClient
    /// Where it is said when the server breaks off.
    let terminal: Terminal

    /// The work at `path` as it ended. A server that is gone is waited for a while, since the work goes on when it is back.
    func end(
        of work: JSONValue, at path: String, isEnded: (JSONValue) -> Bool
    ) throws(CommandError) -> JSONValue {
        var work = work
        let pause = Monitor(())
        var wait = Duration.milliseconds(20)
        while !isEnded(work) {
            // Short work is told at once, long work costs the server little.
            _ = pause.wait(upTo: wait) { _ -> Bool? in nil }
            wait = min(wait * 2, .milliseconds(500))
            work = try Patience(terminal: terminal).ask(knowsServer: true) { () throws(CommandError) in
                try client.get(path)
            }
        }
        return work
    }
}
