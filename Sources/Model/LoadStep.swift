/// A step that loads a table from a source into a destination.
public struct LoadStep: Sendable, Equatable {
    /// The step's name, unique in its pipeline.
    public var name: String
    /// What it reads.
    public var source: Source
    /// What it writes.
    public var destination: Destination
    /// How it finds what changed.
    public var strategy: Strategy
    /// The column that orders change; nil for a strategy that compares or rebuilds all rows, and for `cdc` where it is
    /// to be found.
    public var cursor: Cursor?
    /// The columns that name a row; empty when it has no key.
    public var primaryKey: [String]
    /// How changed rows enter the destination.
    public var writeMode: WriteMode
    /// How far below the watermark a run reads again.
    public var lookback: Reach
    /// How much of the newest is left for the next run, because commits may arrive late.
    public var settle: Reach
    /// The share of the destination, 0 to 1, that a run may remove.
    public var maxShrink: Double
    /// Which columns are loaded.
    public var columns: ColumnSelection
    /// What happens when source and destination differ in their columns.
    public var schemaPolicy: SchemaPolicy
    /// What happens when numbers of a sequence are missing.
    public var onGap: GapPolicy
    /// What happens when rows of one delta share a key.
    public var onDuplicateKey: DuplicateKeyPolicy
    /// How rows that are gone from the source are found by a strategy whose cursor cannot see them; nil means that they
    /// are not looked for.
    public var detectDeletes: DeleteDetection?
    /// The destination's column that is set to the run's time for a row that is gone from the source; nil means that
    /// such a row is removed. The source has no such column.
    public var softDelete: String?
    /// What is kept so that runs can be rolled back; nil keeps nothing.
    public var undo: UndoPolicy?
    /// How the change events are written that a step with the strategy `cdc` reads.
    public var changeLog = ChangeLogFormat()
    /// What its rows must meet before they are committed.
    public var checks: [Check] = []
    /// What a backfill slices its rows by, as the document says; nil where it does not.
    public var partitionBy: PartitionScheme?
    /// The digits after the point to which numbers are rounded before a backfill compares sums of what it staged.
    public var reconcileDecimals = 6

    /// Makes a step.
    public init(
        name: String, source: Source, destination: Destination, strategy: Strategy,
        cursor: Cursor? = nil, primaryKey: [String] = [], writeMode: WriteMode = .upsert, lookback: Reach = .none,
        settle: Reach = .none, maxShrink: Double = 0.5, columns: ColumnSelection = ColumnSelection(),
        schemaPolicy: SchemaPolicy = .evolve, onGap: GapPolicy = .warn, onDuplicateKey: DuplicateKeyPolicy = .keepNewest
    ) {
        self.name = name
        self.source = source
        self.destination = destination
        self.strategy = strategy
        self.cursor = cursor
        self.primaryKey = primaryKey
        self.writeMode = writeMode
        self.lookback = lookback
        self.settle = settle
        self.maxShrink = maxShrink
        self.columns = columns
        self.schemaPolicy = schemaPolicy
        self.onGap = onGap
        self.onDuplicateKey = onDuplicateKey
    }

    /// What a backfill slices its rows by unless it is told otherwise: as the document says, else days of the time that
    /// orders change; nil where neither is there.
    public var partitionScheme: PartitionScheme? {
        if let partitionBy { return partitionBy }
        guard strategy == .timestamp, let cursor else { return nil }
        return PartitionScheme(column: cursor.column, format: cursor.format, interval: .day)
    }

    /// Whether a check looks at the rows of the delta, which must then be staged.
    public var checksRows: Bool { checks.contains(where: \.readsRows) }

    /// Whether rows with a NULL in a column of the key are set aside, so that the others can be loaded.
    public var setsNullKeysAside: Bool {
        checks.contains { check in
            guard case .notNull(let columns) = check.rule, check.onFail == .quarantine else { return false }
            return columns.contains { name in
                primaryKey.contains { $0.lowercased() == name.lowercased() }
            }
        }
    }

    /// Whether it may write to its source: a capture's log is trimmed of what was applied.
    public var mayTrimSource: Bool {
        guard strategy == .cdc, case .table = source.relation else { return false }
        return changeLog.shape == nil || changeLog.shape == .strandline
    }

    /// Whether it removes, or marks, every row of the destination that its source does not have.
    public var removesWhatItsSourceLacks: Bool { strategy == .snapshotDiff || detectDeletes != nil }

    /// What a load reads from.
    public struct Source: Sendable, Equatable {
        /// The connection's name.
        public var connection: String
        /// The rows.
        public var relation: Relation

        /// Makes a source.
        public init(connection: String, relation: Relation) {
            self.connection = connection
            self.relation = relation
        }
    }

    /// A table, or the rows of a query.
    public enum Relation: Sendable, Equatable {
        case table(String)
        case query(String)
    }

    /// What a load writes to.
    public struct Destination: Sendable, Equatable {
        /// The connection's name.
        public var connection: String
        /// The table's name.
        public var table: String

        /// Makes a destination.
        public init(connection: String, table: String) {
            self.connection = connection
            self.table = table
        }

        /// Whether it is the same table, as SQLite sees names: the case of ASCII letters does not count.
        public func isSame(_ other: Destination) -> Bool {
            func folded(_ text: String) -> [UInt8] {
                text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
            }
            return connection == other.connection && folded(table) == folded(other.table)
        }

        /// Whether the table's name is one that SQLite or Strandline keeps for tables of its own.
        public var isReserved: Bool {
            let name = table.lowercased()
            return name.hasPrefix("sqlite_") || name.hasPrefix("_strandline_")
        }
    }
}

/// How a load finds what changed.
public enum Strategy: String, Sendable, CaseIterable {
    case timestamp, sequence, cdc
    case snapshotDiff = "snapshot_diff"
    case fullRefresh = "full_refresh"

    /// Whether it reads only what lies above a watermark.
    public var isIncremental: Bool { [.timestamp, .sequence, .cdc].contains(self) }
}

/// How changed rows enter the destination.
public enum WriteMode: String, Sendable, CaseIterable {
    case append, upsert
    case deleteInsert = "delete_insert"
}

/// What happens when source and destination differ in their columns.
public enum SchemaPolicy: String, Sendable, CaseIterable {
    /// New source columns are added to the destination; dropped ones keep their old values there.
    case evolve
    /// Any difference stops the run.
    case freeze
    /// Columns the destination does not have are not loaded.
    case discard
}

/// What happens when numbers of a sequence are missing.
public enum GapPolicy: String, Sendable, CaseIterable {
    case ignore, warn, fail
}

/// What happens when rows of one delta share a key.
public enum DuplicateKeyPolicy: String, Sendable, CaseIterable {
    /// The row with the highest cursor is loaded, the others are counted in a warning.
    case keepNewest = "keep_newest"
    case fail
}

/// How rows that are gone from the source are found.
public enum DeleteDetection: String, Sendable, CaseIterable {
    /// All keys of the destination are looked for in the source after each load.
    case keys
}

/// Which columns are loaded.
public struct ColumnSelection: Sendable, Equatable {
    /// The columns to load; nil means all.
    public var include: [String]?
    /// The columns to leave out.
    public var exclude: [String]
    /// Columns of the source that get another name before anything else: all the rest of the step speaks of the new
    /// ones.
    public var rename: [(source: String, name: String)] = []
    /// Columns whose values become another type, by their new names.
    public var cast: [(column: String, type: CastType)] = []

    /// Makes a selection; all columns unless said.
    public init(include: [String]? = nil, exclude: [String] = []) {
        self.include = include
        self.exclude = exclude
    }
}

extension ColumnSelection {
    /// Whether two selections are the same, to the order of their parts.
    public static func == (left: ColumnSelection, right: ColumnSelection) -> Bool {
        left.include == right.include && left.exclude == right.exclude
            && left.rename.elementsEqual(right.rename) { $0 == $1 } && left.cast.elementsEqual(right.cast) { $0 == $1 }
    }
}

/// What a column's values can be cast to; a value that is none fails the run, and is never changed in silence.
public enum CastType: String, Sendable, CaseIterable {
    case integer, real, text
}

/// A distance along a cursor: time for time cursors, a count for numbers of a sequence.
public enum Reach: Sendable, Equatable {
    case none
    case time(Duration)
    case count(Int64)
}

/// The column that orders change.
public struct Cursor: Sendable, Equatable {
    /// The column's name.
    public var column: String
    /// How its values are written; nil means ISO 8601 for text in `timestamp`, plain order elsewhere.
    public var format: CursorFormat?
    /// What happens to rows whose cursor is NULL.
    public var onMissing: MissingCursorPolicy
    /// What happens to rows whose cursor cannot be read as a time.
    public var onUnparsable: UnparsableCursorPolicy
    /// Where a first load starts (included); nil means at the beginning.
    public var initial: CursorValue?

    /// Makes a cursor.
    public init(
        column: String, format: CursorFormat? = nil, onMissing: MissingCursorPolicy = .raise,
        onUnparsable: UnparsableCursorPolicy = .raise, initial: CursorValue? = nil
    ) {
        self.column = column
        self.format = format
        self.onMissing = onMissing
        self.onUnparsable = onUnparsable
        self.initial = initial
    }
}

/// How the values of a time cursor are written.
public enum CursorFormat: String, Sendable, CaseIterable {
    case iso8601
    case unixSeconds = "unix_seconds"
    case unixMillis = "unix_millis"
    case unixMicros = "unix_micros"

    /// Units in a second, for numbers; nil for text.
    public var unitsPerSecond: Int64? {
        switch self {
        case .iso8601: nil
        case .unixSeconds: 1
        case .unixMillis: 1_000
        case .unixMicros: 1_000_000
        }
    }
}

/// What happens to rows whose cursor is NULL.
public enum MissingCursorPolicy: String, Sendable, CaseIterable {
    /// The run fails and says how many there are.
    case raise
    /// They are loaded by every run.
    case include
    /// They are passed over and counted in a warning.
    case exclude
}

/// What happens to rows whose cursor cannot be read as a time.
public enum UnparsableCursorPolicy: String, Sendable, CaseIterable {
    /// The run fails and shows one.
    case raise
    /// They are passed over and counted in a warning.
    case exclude
}
