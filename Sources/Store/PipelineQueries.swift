public import Model
internal import SQLite

extension ReadSession {
    /// The pipeline of a name; nil when there is none.
    public func pipeline(_ name: String) throws(StoreError) -> StoredDefinition? { try definition(.pipeline, name) }

    /// Pipelines by name.
    public func pipelines(_ page: Page = Page()) throws(StoreError) -> Listing<StoredDefinition> {
        try definitions(.pipeline, page)
    }

    /// The pipelines that run after one, by name.
    public func downstreams(of pipeline: String) throws(StoreError) -> [String] {
        try rows(
            "list the pipelines that run after one",
            "SELECT pipeline FROM pipeline_upstreams WHERE upstream = ? ORDER BY pipeline", [.text(pipeline)]
        ) { row throws(SQLiteError) in try row.text("pipeline") }
    }
}

extension Transaction {
    /// Stores a pipeline's document, JSON text, that uses `connections`; the same text again changes nothing.
    ///
    /// It runs after the pipelines `upstreams`, and by `schedule` unless that is paused, and takes places of `pool`. Refused
    /// as `unknownConnection`, `unknownUpstream` or `unknownPool`, with the name, when one of them is not stored, and as
    /// `dependencyCycle`, with the path, when it would run after itself.
    public func putPipeline(
        _ name: String, document: String, connections: Set<String>, after upstreams: [String] = [],
        schedule: Schedule? = nil, isPaused: Bool = false, pool: String? = nil,
        expecting expectation: Expectation = .anything
    ) throws(StoreError) -> PutOutcome {
        let operation = "store the pipeline"
        for connection in connections.sorted() {
            guard try self.connection(connection) != nil else {
                throw StoreError(
                    .unknownConnection, operation,
                    "the pipeline \(name) uses the connection \(connection), which is unknown",
                    hint: "PUT /v1/connections/\(connection) first")
            }
        }
        try dropWatermarks(of: name, movedBy: document, operation)
        let outcome = try put(.pipeline, name, document, expecting: expectation, operation)
        try run(operation, "DELETE FROM pipeline_connections WHERE pipeline = ?", [.text(name)])
        for connection in connections {
            try run(
                operation, "INSERT INTO pipeline_connections (pipeline, connection) VALUES (?, ?)",
                [.text(name), .text(connection)])
        }
        if !outcome.unchanged { try adoptClocks(of: name, operation) }
        try putUpstreams(upstreams, of: name, operation)
        try putSchedule(schedule, isPaused: isPaused, of: name)
        try putPool(pool, of: name, operation)
        return outcome
    }

    /// Stores a pipeline as its document says.
    public func putPipeline(
        _ document: PipelineDocument, expecting expectation: Expectation = .anything
    ) throws(StoreError) -> PutOutcome {
        let pipeline = document.pipeline
        return try putPipeline(
            pipeline.name, document: document.json.text(), connections: pipeline.connections, after: pipeline.after,
            schedule: pipeline.schedule, isPaused: pipeline.isPaused, pool: pipeline.pool,
            expecting: expectation)
    }

    /// Refuses as `preconditionFailed` unless the stored pipeline is what the caller has seen, and as `unknownPipeline`
    /// when there is none.
    public func expectPipeline(_ name: String, _ expectation: Expectation) throws(StoreError) {
        let operation = "read the pipeline"
        guard try version(.pipeline, name, expecting: expectation, operation) != nil else {
            throw StoreError(.unknownPipeline, operation, "there is no pipeline \(name)")
        }
    }

    private func putUpstreams(_ upstreams: [String], of name: String, _ operation: String) throws(StoreError) {
        try run(operation, "DELETE FROM pipeline_upstreams WHERE pipeline = ?", [.text(name)])
        for upstream in Set(upstreams).sorted() {
            guard try pipeline(upstream) != nil else {
                throw StoreError(
                    .unknownUpstream, operation, "the pipeline \(name) runs after \(upstream), which is unknown",
                    hint: "PUT /v1/pipelines/\(upstream) first, or correct the name")
            }
            try run(
                operation, "INSERT INTO pipeline_upstreams (pipeline, upstream) VALUES (?, ?)",
                [.text(name), .text(upstream)])
        }
        // Of all pipelines only those that this one comes to run after can close a circle with it.
        let edges = try rows(
            operation,
            """
            WITH RECURSIVE way (pipeline) AS (
                SELECT ?1 UNION SELECT u.upstream FROM way JOIN pipeline_upstreams AS u ON u.pipeline = way.pipeline
            )
            SELECT u.pipeline, u.upstream FROM way JOIN pipeline_upstreams AS u ON u.pipeline = way.pipeline
            """, [.text(name)]
        ) { row throws(SQLiteError) in (try row.text("pipeline"), try row.text("upstream")) }
        let upstreams = Dictionary(grouping: edges, by: \.0).mapValues { $0.map(\.1) }
        if case .cycle(let names) = StepOrder.order(upstreams.map { ($0.key, $0.value) }) {
            throw StoreError(
                .dependencyCycle, operation,
                "the pipelines would run after each other in a circle: \(names.joined(separator: " -> "))",
                hint: "remove one of them from `after`")
        }
    }

    /// Removes a pipeline and the copy of its watermarks; its runs and histories stay.
    ///
    /// Refused as `inUse` while a run of it is queued or running, while a backfill is not at its end, and while others run
    /// after it.
    public func deletePipeline(_ name: String, expecting expectation: Expectation = .anything) throws(StoreError) {
        let operation = "delete the pipeline"
        let active = try first(
            operation,
            "SELECT id, state FROM runs WHERE pipeline = ? AND state IN ('queued', 'running') ORDER BY id LIMIT 1",
            [.text(name)]
        ) { row throws(SQLiteError) in (try row.text("id"), try row.text("state")) }
        if let (run, state) = active {
            throw StoreError(
                .inUse, operation, "the run \(run) of the pipeline \(name) is \(state)",
                hint: "cancel it or wait for its end")
        }
        let downstreams = try downstreams(of: name)
        guard downstreams.isEmpty else {
            throw StoreError(
                .inUse, operation, "\(downstreams.joined(separator: ", ")) run after the pipeline \(name)",
                hint: "take it out of their `after` first")
        }
        let backfill = try first(
            operation,
            """
            SELECT id, state FROM backfills WHERE pipeline = ?
                AND (state IN ('queued', 'running', 'paused', 'awaiting_publish') OR running > 0) ORDER BY id LIMIT 1
            """, [.text(name)]
        ) { row throws(SQLiteError) in (try row.text("id"), try row.text("state")) }
        if let (backfill, state) = backfill {
            throw StoreError(
                .inUse, operation, "the backfill \(backfill) of the pipeline \(name) is \(state)",
                hint: "cancel it or wait for its end")
        }
        try delete(.pipeline, name, expecting: expectation, operation)
        touch(name)
        try run(operation, "DELETE FROM watermarks WHERE pipeline = ?", [.text(name)])
        try run(operation, "DELETE FROM step_successes WHERE pipeline = ?", [.text(name)])
    }
}
