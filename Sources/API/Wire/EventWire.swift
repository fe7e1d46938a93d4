internal import Engine
internal import Model
internal import Platform
internal import Store

extension Event {
    /// The event as a page of the log shows it; a stream writes the same members.
    var wire: JSONValue {
        // It was written as JSON when it was stored.
        let details = (try? JSONValue(parsing: payload.utf8)) ?? .null
        return .object([
            "id": .integer(id), "at": .string(at.rfc3339), "kind": .string(kind), "pipeline": JSONValue(pipeline),
            "run": JSONValue(run), "step": JSONValue(step), "payload": details,
        ])
    }
}

extension RunProgress {
    /// How far a run has come, as its stream tells it between the events of the log.
    func wire(of run: String) -> JSONValue {
        .object([.init("run", .string(run))] + members)
    }
}
