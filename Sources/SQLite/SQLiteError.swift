internal import CSQLite

/// Why SQLite, or the rules of this module, refused an operation.
///
/// Never holds bound values, so that it may be logged.
public struct SQLiteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// SQLite's extended result code.
    public let code: Int32
    /// What was being done, such as `open shop.db` or the start of a statement.
    public let operation: String
    /// What is wrong, in SQLite's words or ours.
    public let message: String

    /// Makes an error of an extended result code.
    public init(code: Int32, operation: String, message: String) {
        self.code = code
        self.operation = operation
        self.message = message
    }

    /// The error of a stored text that its reader cannot make sense of; the text is shown cut short.
    public static func unreadable(_ column: String, _ text: String) -> SQLiteError {
        SQLiteError(
            code: SQLITE_MISMATCH, operation: "read column \(column)",
            message: "cannot make sense of \(text.prefix(100)) in column \(column)")
    }

    /// The class of the error: the low byte of `code`.
    public var primaryCode: Int32 { code & 0xFF }

    /// Another connection holds a lock for longer than the busy time.
    public var isBusy: Bool { primaryCode == SQLITE_BUSY || primaryCode == SQLITE_LOCKED }
    /// The statement was stopped: by an interrupt, a stop token or a deadline.
    public var isInterrupted: Bool {
        // An interrupt that comes while SQLite declares one of its own virtual tables, such as pragma_index_list, is
        // told as a plain error with this text (by sqlite3_declare_vtab, seen in 3.40.1).
        primaryCode == SQLITE_INTERRUPT || primaryCode == SQLITE_ERROR && message == "interrupted"
    }
    /// A constraint of the schema refused a row.
    public var isConstraint: Bool { primaryCode == SQLITE_CONSTRAINT }
    /// A UNIQUE or PRIMARY KEY constraint refused a row.
    public var isUnique: Bool {
        code == CodeOf.constraintUnique || code == CodeOf.constraintPrimaryKey || code == CodeOf.constraintRowid
    }
    /// The file is damaged.
    public var isCorrupt: Bool { primaryCode == SQLITE_CORRUPT }
    /// The file is not a SQLite database.
    public var isNotADatabase: Bool { primaryCode == SQLITE_NOTADB }
    /// The disk, or the database's own size limit, is full.
    public var isFull: Bool { primaryCode == SQLITE_FULL }
    /// The database or its directory cannot be written.
    public var isReadOnly: Bool { primaryCode == SQLITE_READONLY }
    /// The file cannot be opened: missing, a directory, not permitted.
    public var cannotOpen: Bool { primaryCode == SQLITE_CANTOPEN }
    /// The statement does more than its caller may do.
    public var isUnauthorized: Bool { primaryCode == SQLITE_AUTH }
    /// A value is of another type than its reader expects.
    public var isMismatch: Bool { primaryCode == SQLITE_MISMATCH }
    /// The transaction had been rolled back by an earlier error.
    public var isRolledBack: Bool { code == CodeOf.abortRollback }

    /// A file could not be attached to one whose texts are encoded otherwise. SQLite says so only in words.
    public var isOtherEncoding: Bool { message.contains("must use the same text encoding") }

    /// Whether the same operation may succeed later with nothing changed by a person.
    ///
    /// An interrupt is not: whoever stopped the work decides. A failed sync is, on a new connection that reads
    /// again what was committed.
    public var isTransient: Bool {
        switch primaryCode {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL, SQLITE_PROTOCOL, SQLITE_NOMEM: true
        case SQLITE_IOERR: code != CodeOf.ioCorruptFileSystem && code != CodeOf.ioData
        default: false
        }
    }

    /// One line for people and logs.
    public var description: String { "\(operation): \(message) (SQLite code \(code))" }
}

/// Extended codes, which C spells as expressions that Swift does not import.
enum CodeOf {
    static let abortRollback = SQLITE_ABORT | 2 << 8
    static let constraintPrimaryKey = SQLITE_CONSTRAINT | 6 << 8
    static let constraintUnique = SQLITE_CONSTRAINT | 8 << 8
    static let constraintRowid = SQLITE_CONSTRAINT | 10 << 8
    static let cannotOpenDirectory = SQLITE_CANTOPEN | 2 << 8
    static let ioData = SQLITE_IOERR | 32 << 8
    static let ioCorruptFileSystem = SQLITE_IOERR | 33 << 8
}
