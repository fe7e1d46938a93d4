internal import HTTPClient
internal import Model
internal import Platform

/// Follows a run, a backfill or an audit to its end, by its events.
struct WorkWatch {
    /// The server.
    let client: ServerClient
    /// Where it is said when the server breaks off.
    let terminal: Terminal
    /// What it is called: run, backfill or audit.
    let kind: String

    /// The work at `path` as it ended. A server that is gone is waited for a while, since the work goes on when it is back;
    /// one that gives no stream now is asked for the work itself, until it gives one.
    ///
    /// - Parameters:
    ///   - isEnded: whether the work, as an answer shows it, is what is waited for.
    ///   - note: is given each event, in order; answers whether the work may have ended with it.
    func end(
        of work: JSONValue, at path: String, isEnded: (JSONValue) -> Bool, note: @escaping (ServerSentEvent) -> Bool
    ) throws(CommandError) -> JSONValue {
        let token = Interruption.take()
        let follow = EventFollow(client: client, terminal: terminal, interruption: token)
        let place = Place()
        var work = work
        var pause = Duration.milliseconds(50)
        while !isEnded(work) {
            let before = place.last
            do throws(CommandError) {
                try follow.listen(path + "/events", after: before, mayBeRefused: true) { event in
                    place.last = event.lastID.flatMap { Int64($0) } ?? place.last
                    return !note(event)
                }
            } catch {
                guard error.status != nil else { throw error }
            }
            if token.reason == nil, place.last == before {
                _ = Monitor(()).wait(upTo: pause) { _ -> Bool? in nil }
                pause = min(pause * 2, .seconds(1))
            }
            guard token.reason == nil else { throw stopped(work) }
            work = try Patience(terminal: terminal).ask(knowsServer: true) { () throws(CommandError) in
                try client.get(path)
            }
        }
        return work
    }

    /// How far the stream was heard. Held by the closure that hears it too.
    private final class Place {
        var last: Int64?
    }

    private func stopped(_ work: JSONValue) -> CommandError {
        let id = work["id"]?.string ?? ""
        return CommandError(
            message: "stopped waiting; \(kind) \(id) goes on",
            hint: kind == "run" ? "`strandline logs -f \(id)` follows it." : "")
    }
}
