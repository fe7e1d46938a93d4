/// What the next run of a step would do; making it changes nothing.
public struct LoadPlan: Sendable, Equatable {
    /// The step's name.
    public var step: String
    /// Its strategy; nil for a step that runs statements.
    public var strategy: Strategy?
    /// The watermark it would start from; nil when there is none.
    public var watermark: CursorValue?
    /// The first cursor value it would read; nil when it reads from the beginning or has no cursor. Of a step that runs
    /// statements, where its window begins; `to` is where that ends.
    public var from: CursorValue?
    /// The last cursor value it would read; nil when the source is empty or the step has no cursor.
    public var to: CursorValue?
    /// Rows it would read.
    public var rows: Int
    /// The columns it would load.
    public var columns: [String]
    /// Whether it would make the destination table.
    public var createsDestination: Bool
    /// The statements it would run, in their order.
    public var statements: [String]
    /// Tables it would read in full, as the engine's own plan says.
    public var fullScans: [String]
    /// An index that would save a full scan, as a statement; empty when none would.
    public var suggestedIndexes: [String]
    /// What a person should know.
    public var warnings: [LoadWarning]

    /// Makes a plan.
    public init(
        step: String, strategy: Strategy?, watermark: CursorValue?, from: CursorValue?, to: CursorValue?, rows: Int,
        columns: [String], createsDestination: Bool, statements: [String], fullScans: [String],
        suggestedIndexes: [String], warnings: [LoadWarning]
    ) {
        self.step = step
        self.strategy = strategy
        self.watermark = watermark
        self.from = from
        self.to = to
        self.rows = rows
        self.columns = columns
        self.createsDestination = createsDestination
        self.statements = statements
        self.fullScans = fullScans
        self.suggestedIndexes = suggestedIndexes
        self.warnings = warnings
    }
}

/// A table of a connection, as `POST …/test` lists it.
public struct TableSummary: Sendable, Equatable {
    /// The table's name.
    public var name: String
    /// Whether it is a view.
    public var isView: Bool
    /// Its columns in order, with their declared types.
    public var columns: [Column]

    /// Makes a summary.
    public init(name: String, isView: Bool, columns: [Column]) {
        self.name = name
        self.isView = isView
        self.columns = columns
    }

    /// A column as it was declared.
    public struct Column: Sendable, Equatable {
        /// The column's name.
        public var name: String
        /// The declared type; empty when there is none.
        public var type: String
        /// Its place in the primary key, from 1; 0 when it is not part of it.
        public var keyPosition: Int

        /// Makes a column.
        public init(name: String, type: String, keyPosition: Int) {
            self.name = name
            self.type = type
            self.keyPosition = keyPosition
        }
    }
}
