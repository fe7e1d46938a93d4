internal import Platform
internal import SQLite

extension ReadSession {
    /// The backfill that keeps a pipeline from being run after others: one with `hold_downstream`, not at its end, of a
    /// pipeline that it runs after; nil when there is none.
    public func holder(of pipeline: String) throws(StoreError) -> String? {
        try first(
            "look for a backfill that holds the pipeline",
            """
            SELECT b.id FROM pipeline_upstreams AS u JOIN backfills AS b ON b.pipeline = u.upstream
            WHERE u.pipeline = ? AND b.hold_downstream AND b.state IN ('queued', 'running', 'paused', 'awaiting_publish')
            ORDER BY b.id LIMIT 1
            """, [.text(pipeline)]
        ) { row throws(SQLiteError) in try row.text("id") }
    }

    /// All pipelines that are run after one, directly or because of others, by name.
    public func allDownstreams(of pipeline: String) throws(StoreError) -> [String] {
        try rows(
            "list what runs because of a pipeline",
            """
            WITH RECURSIVE way (pipeline) AS (
                SELECT pipeline FROM pipeline_upstreams WHERE upstream = ?1
                UNION SELECT u.pipeline FROM way JOIN pipeline_upstreams AS u ON u.upstream = way.pipeline
            )
            SELECT pipeline FROM way ORDER BY 1
            """, [.text(pipeline)]
        ) { row throws(SQLiteError) in try row.text("pipeline") }
    }
}

extension Transaction {
    /// Remembers that a pipeline is to be run when nothing holds it any more.
    public func hold(_ pipeline: String) throws(StoreError) {
        try run(
            "hold the pipeline", "INSERT OR IGNORE INTO held_pipelines (pipeline, held_at) VALUES (?, ?)",
            [.text(pipeline), Value(now)])
    }

    /// Remembers that what runs directly after a pipeline, whose rows a backfill is about to change, is to be run when
    /// nothing holds it any more.
    public func holdDownstreams(of pipeline: String) throws(StoreError) {
        for downstream in try downstreams(of: pipeline) { try hold(downstream) }
    }

    /// Forgets the pipelines that nothing holds any more; answers them by name.
    public func releaseHeld() throws(StoreError) -> [String] {
        let operation = "release held pipelines"
        let held = try rows(operation, "SELECT pipeline FROM held_pipelines ORDER BY 1", []) {
            row throws(SQLiteError) in try row.text("pipeline")
        }
        var released: [String] = []
        for pipeline in held where try holder(of: pipeline) == nil {
            try run(operation, "DELETE FROM held_pipelines WHERE pipeline = ?", [.text(pipeline)])
            released.append(pipeline)
        }
        return released
    }
}
