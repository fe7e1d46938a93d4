/// Why work could not be done, in words for the person who must mend it.
///
/// The one error shape of a run, a step run, a document and an answer. Only `RetryPolicy` reads `isTransient`.
public struct Failure: Error, Sendable, Equatable {
    /// The kind of failure; programs depend on it, so it never changes its meaning.
    public var code: Code
    /// What is wrong, naming the thing.
    public var message: String
    /// What to do about it; empty when the message says all.
    public var hint: String
    /// The field of the document or request that is wrong, as `steps[0].cursor.column`; nil where there is none.
    public var field: String?
    /// The line and column in the document's text, both from 1; nil where there is none.
    public var mark: Mark?
    /// Whether the same work may succeed a little later without anyone changing anything.
    public var isTransient: Bool

    /// Makes a failure; it is not transient unless said.
    public init(
        _ code: Code, _ message: String, hint: String = "", field: String? = nil, mark: Mark? = nil,
        isTransient: Bool = false
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field
        self.mark = mark
        self.isTransient = isTransient
    }

    /// The closed set of kinds.
    public enum Code: String, Sendable, CaseIterable {
        // Documents and requests.
        case malformedDocument = "malformed_document"
        case unknownKey = "unknown_key"
        case missingKey = "missing_key"
        case invalidValue = "invalid_value"
        case limitExceeded = "limit_exceeded"
        case unsupported = "unsupported"
        case dependencyCycle = "dependency_cycle"
        case unknownConnection = "unknown_connection"
        case unknownPipeline = "unknown_pipeline"
        case unknownPool = "unknown_pool"
        case unknownStep = "unknown_step"
        case unknownRun = "unknown_run"
        case notFound = "not_found"
        case conflict = "conflict"
        case preconditionFailed = "precondition_failed"
        case idempotencyMismatch = "idempotency_mismatch"
        case queueFull = "queue_full"
        case stopping = "stopping"
        // Places.
        case outsideDataRoot = "outside_data_root"
        case serverState = "server_state"
        case invalidPath = "invalid_path"
        case missingFile = "missing_file"
        case notADatabase = "not_a_database"
        case isDirectory = "is_directory"
        case locked = "locked"
        case readOnly = "read_only"
        case diskFull = "disk_full"
        case inputOutput = "input_output"
        case corrupt = "corrupt"
        // Tables, columns and rows.
        case unknownTable = "unknown_table"
        case unknownColumn = "unknown_column"
        case notATable = "not_a_table"
        case sameTable = "same_table"
        case invalidQuery = "invalid_query"
        case missingCursor = "missing_cursor"
        case cursorMissing = "cursor_missing"
        case cursorUnparsable = "cursor_unparsable"
        case cursorFormat = "cursor_format"
        case mixedCursorTypes = "mixed_cursor_types"
        case sequenceGap = "sequence_gap"
        case missingKeyConstraint = "missing_key_constraint"
        case nullKey = "null_key"
        case duplicateKey = "duplicate_key"
        case constraint = "constraint"
        case castFailed = "cast_failed"
        case schemaChanged = "schema_changed"
        case shrinkGuard = "shrink_guard"
        case watermarkMissing = "watermark_missing"
        case destinationMissing = "destination_missing"
        case destinationChanged = "destination_changed"
        case newerDestination = "newer_destination"
        case verificationFailed = "verification_failed"
        case undoMissing = "undo_missing"
        case checkFailed = "check_failed"
        case quarantineFull = "quarantine_full"
        // Runs.
        case cancelled = "cancelled"
        case timedOut = "timed_out"
        case interrupted = "interrupted"
        case fenced = "fenced"
        case dependencyFailed = "dependency_failed"
        case upstreamStale = "upstream_stale"
        case internalError = "internal_error"
    }
}

/// A place in a text: line and column, both from 1.
public struct Mark: Sendable, Hashable {
    /// The line, from 1.
    public let line: Int
    /// The column in characters, from 1.
    public let column: Int

    /// Makes the mark of a line and a column.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}
