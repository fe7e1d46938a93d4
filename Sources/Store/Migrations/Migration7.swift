extension Migration {
    /// Keeps which pipelines run after which.
    static let seventh = Migration(
        version: 7,
        sql: """
            CREATE TABLE pipeline_upstreams (
                pipeline TEXT NOT NULL REFERENCES pipelines (name) ON DELETE CASCADE,
                upstream TEXT NOT NULL REFERENCES pipelines (name),
                PRIMARY KEY (pipeline, upstream),
                CHECK (pipeline <> upstream)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX pipeline_upstreams_by_upstream ON pipeline_upstreams (upstream, pipeline);
            """)
}
