/// A table as lineage names it: the database is the namespace, as `sqlite:///srv/data/shop.db`.
public struct LineageDataset: Sendable, Equatable {
    /// The database.
    public var namespace: String
    /// The table.
    public var name: String
    /// Its columns; nil where they are not known.
    public var columns: [TableSummary.Column]?

    /// Makes a table.
    public init(namespace: String, name: String, columns: [TableSummary.Column]? = nil) {
        self.namespace = namespace
        self.name = name
        self.columns = columns
    }
}

/// What a step reads and writes.
public struct LineageDatasets: Sendable, Equatable {
    /// The table that it reads; nil where it reads a query.
    public var input: LineageDataset?
    /// The query that it reads, or the statements that it runs; nil where it reads a table.
    public var query: String?
    /// The table that it writes; nil where its statements tell.
    public var output: LineageDataset?

    /// Makes what a step reads and writes.
    public init(input: LineageDataset?, query: String? = nil, output: LineageDataset?) {
        self.input = input
        self.query = query
        self.output = output
    }
}
