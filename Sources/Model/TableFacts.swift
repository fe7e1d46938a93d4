/// What a look at a table has found, for advice on how to load it.
public struct TableFacts: Sendable, Equatable {
    /// The table's name, as its database spells it.
    public var table: String
    /// Whether it is a view.
    public var isView: Bool
    /// Its rows.
    public var rows: Int
    /// Whether `rows` is worked out from a part of the table.
    public var isEstimate: Bool
    /// The rows whose columns were looked at; fewer than `rows` where the table is large.
    public var rowsExamined: Int
    /// Its columns in order.
    public var columns: [TableSummary.Column]
    /// Its indexes, those of its constraints included.
    public var indexes: [Index]
    /// The columns that name a row; empty when none do.
    public var key: [String]
    /// How `key` is known.
    public var keyOrigin: KeyOrigin
    /// The columns that may order change.
    public var cursors: [CursorFacts]
    /// A column that marks deleted rows; nil when there is none.
    public var softDelete: String?
    /// The table in which its changes are recorded, every one of them; nil when they are not.
    public var changeLog: String?
    /// What it holds where its rows are change events of another table; nil for any other table.
    public var events: EventFacts?
    /// A trigger by which the table refuses to have rows changed; nil when there is none.
    public var refusal: String?

    /// Makes facts; nothing is known beside the rows and columns unless said.
    public init(
        table: String, isView: Bool = false, rows: Int, isEstimate: Bool = false, rowsExamined: Int? = nil,
        columns: [TableSummary.Column] = [], indexes: [Index] = [], key: [String] = [],
        keyOrigin: KeyOrigin = .declared, cursors: [CursorFacts] = [], softDelete: String? = nil,
        refusal: String? = nil
    ) {
        self.table = table
        self.isView = isView
        self.rows = rows
        self.isEstimate = isEstimate
        self.rowsExamined = rowsExamined ?? rows
        self.columns = columns
        self.indexes = indexes
        self.key = key
        self.keyOrigin = keyOrigin
        self.cursors = cursors
        self.softDelete = softDelete
        self.refusal = refusal
    }

    /// An index of the table.
    public struct Index: Sendable, Equatable {
        /// The name.
        public var name: String
        /// Its columns; one over an expression has an empty name.
        public var columns: [String]
        /// Whether no two rows share its columns.
        public var isUnique: Bool

        /// Makes an index.
        public init(name: String, columns: [String], isUnique: Bool) {
            self.name = name
            self.columns = columns
            self.isUnique = isUnique
        }
    }

    /// How a key is known.
    public enum KeyOrigin: String, Sendable, CaseIterable {
        /// The table declares it: a primary key or a unique index.
        case declared
        /// No two rows share it today; nothing keeps them from it.
        case found
    }
}

/// A column that may order change.
public struct CursorFacts: Sendable, Equatable {
    /// What the column's name, or a trigger, says of it.
    public enum Role: String, Sendable, CaseIterable {
        /// When the row last changed.
        case updated
        /// When the row was added.
        case created
        /// A number that rises with each change.
        case version
        /// The row's own whole number.
        case number
        /// A time of some other meaning.
        case other
    }

    /// What its values are.
    public enum Content: Sendable, Equatable {
        /// Times written in this format.
        case time(CursorFormat)
        /// Numbers that are no times.
        case numbers
        /// Values that have no one order.
        case mixed
        /// No value at all.
        case none
    }

    /// The column's name.
    public var column: String
    /// What it is taken for.
    public var role: Role
    /// What its values are.
    public var content: Content
    /// The trigger that sets it when a row changes; nil when there is none.
    public var trigger: String?
    /// Rows without a value.
    public var nulls: Int
    /// Whether `nulls` counts every row, and not only those looked at.
    public var nullsAreExact: Bool
    /// Rows whose value could not be read like the others.
    public var unreadable: Int
    /// The first of those values.
    public var sample: CursorValue?
    /// Whether times have different UTC offsets.
    public var hasMixedOffsets: Bool
    /// Values ahead of the clock.
    public var future: Int
    /// Whether values never fall from one row to the next, in the order in which rows were added; nil where that order
    /// is not known.
    public var rises: Bool?
    /// Whether the table holds its values to be unique.
    public var isUnique: Bool
    /// The index that would find rows by it, as a statement; nil where there is one already.
    public var missingIndex: String?
    /// The lowest value; nil when there is none.
    public var lowest: CursorValue?
    /// The highest value; nil when there is none.
    public var highest: CursorValue?

    /// Makes facts of a column without faults unless said.
    public init(
        column: String, role: Role, content: Content, trigger: String? = nil, nulls: Int = 0,
        nullsAreExact: Bool = true, unreadable: Int = 0, sample: CursorValue? = nil, hasMixedOffsets: Bool = false,
        future: Int = 0, rises: Bool? = nil, isUnique: Bool = false, missingIndex: String? = nil,
        lowest: CursorValue? = nil, highest: CursorValue? = nil
    ) {
        self.column = column
        self.role = role
        self.content = content
        self.trigger = trigger
        self.nulls = nulls
        self.nullsAreExact = nullsAreExact
        self.unreadable = unreadable
        self.sample = sample
        self.hasMixedOffsets = hasMixedOffsets
        self.future = future
        self.rises = rises
        self.isUnique = isUnique
        self.missingIndex = missingIndex
        self.lowest = lowest
        self.highest = highest
    }
}
