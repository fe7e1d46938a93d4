/// How to load a table, with the reasons and a document that does it.
public struct Advice: Sendable, Equatable {
    /// What the table looks like.
    public var facts: TableFacts
    /// The strategy that fits it.
    public var strategy: Strategy
    /// Why, the weightiest reason first.
    public var reasons: [String]
    /// The other strategies, each with why it fits less.
    public var alternatives: [Alternative]
    /// Indexes that would save a full scan in every run, as statements for the source.
    public var suggestedIndexes: [String]
    /// What a person should know or do before the first run.
    public var notes: [String]
    /// A pipeline that loads the table, as `PUT /v1/pipelines/{pipeline}` takes it.
    public var document: JSONValue

    /// A strategy that was not chosen.
    public struct Alternative: Sendable, Equatable {
        /// The strategy.
        public var strategy: Strategy
        /// The column it would go by; nil where it goes by none.
        public var cursor: String?
        /// Why it fits less.
        public var reason: String

        /// Makes an alternative.
        public init(strategy: Strategy, cursor: String? = nil, reason: String) {
            self.strategy = strategy
            self.cursor = cursor
            self.reason = reason
        }
    }
}

/// Where the document of an advice loads to.
public struct AdvicePlace: Sendable, Equatable {
    /// The pipeline's and the step's name.
    public var pipeline: String
    /// The source's connection.
    public var source: String
    /// The destination's connection.
    public var destination: String
    /// The destination's table.
    public var table: String

    /// Makes a place.
    public init(pipeline: String, source: String, destination: String, table: String) {
        self.pipeline = pipeline
        self.source = source
        self.destination = destination
        self.table = table
    }
}
