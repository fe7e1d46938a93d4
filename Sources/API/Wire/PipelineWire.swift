internal import Engine
internal import Model
internal import Platform
internal import Store

/// A pipeline with what a page shows beside its document.
struct PipelineResource: Sendable {
    /// The keys that an answer adds to the document; a body may hold them, so that an answer can be sent back.
    static let addedKeys = [
        "version", "created_at", "updated_at", "last_run", "watermarks", "schedule_status", "held_by", "upstreams",
        "freshness_status", "warnings",
    ]

    /// The document and its version.
    let stored: StoredDefinition
    /// The newest run; nil when there was none.
    let lastRun: Run?
    /// The watermarks of its steps that have one.
    let watermarks: [Watermark]
    /// How far its ticks are accounted for; nil when it has no schedule.
    let schedule: ScheduleRecord?
    /// The backfill that keeps it from being run after others; nil when there is none.
    let heldBy: String?
    /// The pipelines that it runs after, with the greatest age of their data that its runs take.
    let upstreams: (upstreams: [Upstream], limit: Duration?)?

    /// Reads what belongs to a stored pipeline.
    init(_ stored: StoredDefinition, _ session: ReadSession, _ services: Services) throws(StoreError) {
        self.stored = stored
        lastRun = try session.runs(RunFilter(pipeline: stored.name), Page(limit: 1)).items.first
        watermarks = try session.watermarks(pipeline: stored.name, Page(limit: Limits.pipelineSteps)).items
        schedule = try session.schedule(of: stored.name)
        heldBy = try session.holder(of: stored.name)
        upstreams = services.engine.upstreams(of: stored.name, session)
    }

    /// The document as it was written, with its version, last run, watermarks and how its schedule stands; `warnings` only after a `PUT`.
    ///
    /// Without `ages` those of its freshness are left out, so that the answer is the same while nothing happens.
    func wire(
        _ services: Services, warnings: [LoadWarning]? = nil, ages: Bool = true
    ) throws(Problem) -> JSONValue {
        guard case .object(var members) = try JSONValue(stored: stored.definition) else { throw .unreadableDocument }
        let now = services.clock.now()
        let freshness = services.engine.freshness(of: stored.name, at: now)?.freshness
        let progress = lastRun.flatMap { $0.state == .running ? services.engine.progress(of: $0.id) : nil }
        members += [
            .init("version", .integer(Int64(stored.version))), .init("created_at", .string(stored.createdAt.rfc3339)),
            .init("updated_at", .string(stored.updatedAt.rfc3339)),
            .init("last_run", lastRun?.wire(progress, isWhole: false) ?? .null),
            .init("watermarks", .array(watermarks.map(\.wire))),
            .init("schedule_status", schedule.map { .object($0.wire(at: now)) } ?? .null),
            .init("held_by", JSONValue(heldBy)),
            .init(
                "upstreams",
                .array((upstreams?.upstreams ?? []).map { $0.wire(upstreams?.limit, at: now) })),
            .init("freshness_status", freshness?.wire(at: ages ? now : nil) ?? .null),
        ]
        if let warnings { members.append(.init("warnings", .array(warnings.map(\.wire)))) }
        return .object(members)
    }

    /// The tag of what an answer shows of it but for ages, which pass while nothing happens.
    func tag(_ services: Services) throws(Problem) -> EntityTag {
        EntityTag(version: stored.version, content: try wire(services, ages: false).text())
    }
}

extension Upstream {
    /// The pipeline with the age of its data, as the instant up to which that is there.
    fileprivate func wire(_ limit: Duration?, at now: Timestamp) -> JSONValue {
        .object([
            "pipeline": .string(pipeline), "step": .string(age.step), "basis": .string(age.basis.rawValue),
            "since": JSONValue(age.since?.rfc3339),
            "stale": limit.map { .bool(age.exceeds($0, at: now)) } ?? .null,
        ])
    }
}

extension LoadPlan {
    /// What the next run of a step would do.
    var wire: JSONValue {
        .object([
            "name": .string(step), "kind": .string((strategy == nil ? StepKind.sql : .load).rawValue),
            "strategy": JSONValue(strategy?.rawValue), "watermark": watermark?.json ?? .null,
            "from": from?.json ?? .null, "to": to?.json ?? .null, "rows": .integer(Int64(rows)),
            "columns": .array(columns.map(JSONValue.string)), "creates_destination": .bool(createsDestination),
            "statements": .array(statements.map(JSONValue.string)),
            "full_scans": .array(fullScans.map(JSONValue.string)),
            "suggested_indexes": .array(suggestedIndexes.map(JSONValue.string)),
            "warnings": .array(warnings.map(\.wire)),
        ])
    }
}
