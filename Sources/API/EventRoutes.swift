internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// Events: what happens, as it happens, or page by page.
enum EventRoutes {
    /// The operations on events.
    static let endpoints =
        [
            Endpoint(
                .get, "/v1/events", "get_events", query: ["pipeline", "kind", "after"] + Page.parameters,
                repeatable: ["kind"]
            ) { call throws(Problem) in try events(call) }
        ]
        + EventfulWork.all.map { work in
            Endpoint(.get, work.path, work.operation, query: ["after"] + Page.parameters) { call throws(Problem) in
                try events(of: work, call)
            }
        }

    private static func events(_ call: Call) throws(Problem) -> Outcome {
        let filter = try EventFilter(call.request.query)
        guard try EventRoutes.wantsStream(call) else { return try page(call, filter) }
        let given = try EventRoutes.position(call)
        let last = try call.services.read { session throws(StoreError) in try session.lastEvent() }
        return stream(call, filter, after: given ?? last, last: last)
    }

    private static func events(of work: EventfulWork, _ call: Call) throws(Problem) -> Outcome {
        let id = try call.name(work.name)
        let filter = EventFilter(work: id)
        let isStream = try EventRoutes.wantsStream(call)
        let given = isStream ? try EventRoutes.position(call) : nil
        let (isThere, last, isHeard) = try call.services.read { session throws(StoreError) in
            let isThere = try work.isThere(id, session)
            let last = try session.lastEvent()
            // Who has heard the end, and comes back as browsers do by themselves, is told that nothing follows.
            guard isThere, let given, given > 0, given <= last, try session.isOver(id) else {
                return (isThere, last, false)
            }
            return (isThere, last, try session.events(filter, after: given, limit: 1).events.isEmpty)
        }
        guard isThere else { throw work.unknown(id) }
        guard isStream else { return try page(call, filter) }
        if isHeard { return .now(Answer(204)) }
        return stream(call, filter, after: given ?? 0, last: last) { work.progress(id, call.services) }
    }

    // MARK: The stream

    private static func stream(
        _ call: Call, _ filter: EventFilter, after given: Int64, last: Int64,
        progress: @escaping @Sendable () -> JSONValue? = { nil }
    ) -> Outcome {
        let services = call.services
        let position = min(given, last)
        var opening = EventText.opening(at: position)
        if given > last {
            opening += EventText.block(EventGap.ahead(of: last, position: given, at: services.clock.now()))
        }
        let head = Answer(
            200, headers: [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")])
        let beat = filter.work == nil ? Limits.eventHeartbeat : Limits.progressTime
        return .stream(head, beat: beat) { [opening] waker in
            EventListener(
                to: services.events, filter, after: position, opening: opening, beat: beat, waker: waker,
                clock: services.clock
            ) { progress().map(EventText.progress) }
        }
    }

    /// Whether the events are to come as they happen: unless JSON is asked for, or a part of a list.
    private static func wantsStream(_ call: Call) throws(Problem) -> Bool {
        let types = call.request.headers.all("Accept").flatMap { $0.split(separator: ",") }.map {
            $0.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
        }
        let part = Page.parameters.first { call.request.query[$0] != nil }
        guard types.contains("text/event-stream") else { return !types.contains("application/json") && part == nil }
        if let part {
            throw .parameter(
                part, "is for a page of events, not for a stream of them",
                hint: "Leave it out, or ask with Accept: application/json.")
        }
        return true
    }

    /// The number of the event after which to begin: where a stream broke off, else where the query says.
    private static func position(_ call: Call) throws(Problem) -> Int64? {
        guard let text = call.request.headers["Last-Event-ID"], !text.isEmpty else { return try after(call) }
        guard let number = Int64(text), number >= 0 else {
            throw Problem(
                400, "invalid_header", "The header `Last-Event-ID` is not the number of an event.",
                hint: "Send the last id that the stream gave, or leave it out.", field: "Last-Event-ID")
        }
        return number
    }

    private static func after(_ call: Call) throws(Problem) -> Int64? {
        guard let text = call.request.query["after"] else { return nil }
        guard let number = Int64(text), number >= 0 else {
            throw .parameter(
                "after", "must be the number of an event", hint: "Use the id of an event, or 0 for all that are kept.")
        }
        return number
    }

    // MARK: The page

    /// Newest first as other lists; oldest first from where `after` says.
    private static func page(_ call: Call, _ filter: EventFilter) throws(Problem) -> Outcome {
        let page = try call.page()
        let after = try after(call)
        let now = call.services.clock.now()
        return try call.services.read { session throws(StoreError) in
            let last = try session.lastEvent()
            guard let after else {
                let found = try session.events(filter, before: try page.number("list the events"), limit: page.limit)
                return .now(.json(wire(found.events, found.isLast ? nil : found.reached, last)))
            }
            let start = try page.number("list the events") ?? after
            guard start <= last else {
                return .now(.json(wire([EventGap.ahead(of: last, position: start, at: now)], nil, last)))
            }
            let found = try session.events(filter, after: start, limit: page.limit)
            let gap = EventGap.trimmed(
                after: start, first: try session.firstEvent(), filter, next: found.events.first, at: now)
            return .now(.json(wire((gap.map { [$0] } ?? []) + found.events, found.isLast ? nil : found.reached, last)))
        }
    }

    private static func wire(_ events: [Event], _ next: Int64?, _ last: Int64) -> JSONValue {
        .object([
            "events": .array(events.map(\.wire)), "next_cursor": JSONValue(next.map(String.init)),
            "last_event_id": .integer(last),
        ])
    }
}

extension EventFilter {
    /// Which events a query asks for.
    fileprivate init(_ query: Query) throws(Problem) {
        self.init()
        pipeline = try query.pipeline()
        for parameter in query.parameters where parameter.name == "kind" && !kinds.contains(parameter.value) {
            guard LoadEngine.eventKinds.contains(parameter.value) else {
                throw .parameter(
                    "kind", parameter.value, noneOf: LoadEngine.eventKinds, "is no kind of event")
            }
            kinds.append(parameter.value)
        }
    }
}
