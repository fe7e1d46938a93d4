internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// Freshness: answered from memory, by the clock.
enum FreshnessRoutes {
    /// The operations on freshness.
    static let endpoints = [
        Endpoint(
            .get, "/v1/freshness", "list_freshness", query: ["prefix", "status", "fail_on"], repeatable: ["status"],
            answersUnderLoad: true
        ) { call throws(Problem) in try list(call) },
        Endpoint(
            .get, "/v1/freshness/{pipeline}", "get_freshness", query: ["fail_on"], answersUnderLoad: true
        ) { call throws(Problem) in try get(call) },
        Endpoint(.get, "/v1/freshness/{pipeline}/history", "list_freshness_history", query: Page.parameters) {
            call throws(Problem) in try history(call)
        },
        Endpoint(.get, "/v1/freshness/{pipeline}/badge.svg", "get_freshness_badge") { call throws(Problem) in
            try badge(call)
        },
    ]

    private static func list(_ call: Call) throws(Problem) -> Outcome {
        let failing = try call.failing()
        let states = try call.states()
        let prefix = call.request.query["prefix"] ?? ""
        let snapshot = call.services.engine.freshness(at: call.services.clock.now())
        let isAll = states.isEmpty && prefix.isEmpty
        let shown =
            isAll
            ? snapshot.standings
            : snapshot.standings.filter { standing in
                (states.isEmpty || states.contains(standing.freshness.state))
                    && standing.freshness.name.hasPrefix(prefix)
            }
        let limited = shown.filter(\.freshness.hasLimits).map(\.freshness.state)
        let worst = limited.max { $0.severity < $1.severity } ?? .unknown
        let members: [AgedMember] = [
            ("status", .fixed(.string(worst.rawValue))), ("checked_at", .fixed(.string(snapshot.at.rfc3339))),
            ("counts", .fixed(counts(shown))),
        ]
        let rows = call.services.freshness.texts(shown).map(\.row)
        let status = limited.contains { failing.contains($0) } ? 503 : 200
        return answer(status, members, "pipelines", rows, at: snapshot.at, call)
    }

    private static func get(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let failing = try call.failing()
        let now = call.services.clock.now()
        guard let standing = call.services.engine.freshness(of: name, at: now) else {
            throw PipelineRoutes.unknown(name)
        }
        let freshness = standing.freshness
        let text = call.services.freshness.text(standing)
        let isMet = freshness.hasLimits && failing.contains(freshness.state)
        let checked: [AgedMember] = [("checked_at", .fixed(.string(now.rfc3339)))]
        return answer(isMet ? 503 : 200, checked, "steps", text.steps, after: text.row, at: now, call)
    }

    private static func counts(_ standings: [FreshnessStanding]) -> JSONValue {
        var counts: [FreshnessState: Int64] = [:]
        for standing in standings { counts[standing.freshness.state, default: 0] += 1 }
        return .object(FreshnessState.allCases.map { .init($0.rawValue, .integer(counts[$0] ?? 0)) })
    }

    /// An object of what `first` holds, `members` and a list.
    private static func answer(
        _ status: Int, _ members: [AgedMember], _ noun: String, _ rows: [AgedText], after first: AgedText? = nil,
        at now: Timestamp, _ call: Call
    ) -> Outcome {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1_024 + rows.count * 800)
        if let first {
            first.append(to: &bytes, at: now)
            bytes.removeLast()
            bytes.append(UInt8(ascii: ","))
        } else {
            bytes.append(UInt8(ascii: "{"))
        }
        for member in members {
            bytes += Array("\"\(member.key)\":".utf8)
            bytes += Array(member.value.json(at: now).text().utf8)
            bytes.append(UInt8(ascii: ","))
        }
        bytes += Array("\"\(noun)\":[".utf8)
        for (place, row) in rows.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            row.append(to: &bytes, at: now)
        }
        bytes += Array("]}".utf8)
        if call.isPretty, let value = try? JSONValue(parsing: bytes) { return .now(Answer(status, .json(value))) }
        bytes.append(UInt8(ascii: "\n"))
        return .now(Answer(status, .bytes(bytes), headers: [("Content-Type", "application/json")]))
    }

    private static func history(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let page = try call.page()
        let found = try call.services.read { session throws(StoreError) -> Listing<FreshnessChange>? in
            guard try session.pipelineVersion(name) != nil else { return nil }
            return try session.freshnessHistory(of: name, page)
        }
        guard let found else { throw PipelineRoutes.unknown(name) }
        return .now(.json(try found.wire("changes") { $0.wire }))
    }

    private static func badge(_ call: Call) throws(Problem) -> Outcome {
        let name = try call.name("pipeline")
        let now = call.services.clock.now()
        guard let standing = call.services.engine.freshness(of: name, at: now) else {
            throw PipelineRoutes.unknown(name)
        }
        let text = FreshnessBadge(name: name, state: standing.freshness.state).text
        return .now(Answer(200, .bytes(Array(text.utf8)), headers: [("Content-Type", "image/svg+xml")]))
    }
}

extension Call {
    /// The states with which an answer is a failure.
    ///
    /// What has limits and cannot be judged is not late, but whoever wants to hear of the first sign of trouble hears of it.
    fileprivate func failing() throws(Problem) -> Set<FreshnessState> {
        switch request.query["fail_on"] {
        case nil: return []
        case "stale": return [.stale]
        case "warn": return [.stale, .warn, .unknown]
        default:
            throw .parameter(
                "fail_on", "must be stale or warn", hint: "Leave it out to be answered 200 whatever it is.")
        }
    }

    /// The states that a list is to show; empty for all.
    fileprivate func states() throws(Problem) -> Set<FreshnessState> {
        var states: Set<FreshnessState> = []
        for parameter in request.query.parameters where parameter.name == "status" {
            guard let state = FreshnessState(rawValue: parameter.value) else {
                throw .parameter(
                    "status", "is no state of freshness",
                    hint: "It is one of \(FreshnessState.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            states.insert(state)
        }
        return states
    }
}
