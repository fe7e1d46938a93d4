/// A condition that a step's rows must meet before they are committed.
public struct Check: Sendable, Equatable {
    /// Its name, unique in its step.
    public var name: String
    /// What must hold.
    public var rule: Rule
    /// What a failed check does to the run.
    public var severity: CheckSeverity
    /// What becomes of the rows that fail it.
    public var onFail: CheckFailurePolicy
    /// The table that it looks at, of a step that runs statements; nil where the step has one table, and for a query
    /// that names its tables itself.
    public var table: String?

    /// Makes a check.
    public init(
        name: String, rule: Rule, severity: CheckSeverity = .error, onFail: CheckFailurePolicy = .fail
    ) {
        self.name = name
        self.rule = rule
        self.severity = severity
        self.onFail = onFail
    }

    /// What must hold. Columns bear the names that they have in the destination.
    public enum Rule: Sendable, Equatable {
        /// No row of the delta has a NULL in any of the columns.
        case notNull([String])
        /// No other row of the destination, as it is after the write, has the same values in all of the columns. A row
        /// with a NULL among them is like no other.
        case unique([String])
        /// Each row of the delta has one of the values, or NULL.
        case acceptedValues(column: String, values: [CursorValue])
        /// Each row of the delta lies between the bounds, both included, or has NULL. Bounds are all numbers or all
        /// texts, and a value of another class fails.
        case range(column: String, min: CursorValue?, max: CursorValue?)
        /// The load read so many rows.
        case rowCount(min: Int?, max: Int?)
        /// The rows read, compared with the mean of the step's last finished loads.
        case rowCountDelta(minRatio: Double?, maxRatio: Double?, overLast: Int)
        /// The newest time in the destination, as it is after the write, is no older; nil is the cursor, of which the
        /// watermark tells.
        case freshness(column: String?, format: CursorFormat?, maxAge: Duration)
        /// A query over `{delta}` and `{destination}`, as it is after the write, gives one value; nil is NULL.
        case sql(query: String, expect: CursorValue?)
    }

    /// The kind of rule, as documents and answers name it.
    public var type: CheckType {
        switch rule {
        case .notNull: .notNull
        case .unique: .unique
        case .acceptedValues: .acceptedValues
        case .range: .range
        case .rowCount: .rowCount
        case .rowCountDelta: .rowCountDelta
        case .freshness: .freshness
        case .sql: .sql
        }
    }

    /// The columns that it names.
    public var columns: [String] {
        switch rule {
        case .notNull(let columns), .unique(let columns): columns
        case .acceptedValues(let column, _), .range(let column, _, _): [column]
        case .freshness(let column, _, _): column.map { [$0] } ?? []
        case .rowCount, .rowCountDelta, .sql: []
        }
    }

    /// Whether it looks at the rows of the delta, which must then be staged.
    public var readsRows: Bool {
        switch rule {
        case .notNull, .unique, .acceptedValues, .range, .sql: true
        case .rowCount, .rowCountDelta, .freshness: false
        }
    }
}

/// The kinds of checks.
public enum CheckType: String, Sendable, CaseIterable {
    case notNull = "not_null"
    case unique
    case acceptedValues = "accepted_values"
    case range
    case rowCount = "row_count"
    case rowCountDelta = "row_count_delta"
    case freshness, sql

    /// Whether single rows fail it, which can then be set aside.
    public var isAboutRows: Bool {
        switch self {
        case .notNull, .unique, .acceptedValues, .range: true
        case .rowCount, .rowCountDelta, .freshness, .sql: false
        }
    }
}

/// What a failed check does to the run.
public enum CheckSeverity: String, Sendable, CaseIterable {
    /// The run goes on and says so.
    case warn
    /// The run fails, and the commit changes nothing.
    case error
}

/// What becomes of the rows that fail a check.
public enum CheckFailurePolicy: String, Sendable, CaseIterable {
    /// They are loaded or not with all others, as the severity says.
    case fail
    /// They are set aside in the destination, and the others are loaded.
    case quarantine
}
