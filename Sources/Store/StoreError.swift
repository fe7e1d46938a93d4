public import Model
internal import SQLite

/// Why the control database did not do what was asked.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The closed set of kinds.
    public enum Code: String, Sendable, CaseIterable {
        case unknownConnection, unknownPipeline, unknownPool, unknownRun, unknownStep, unknownWatermark,
            unknownWebhook, unknownDelivery
        /// There are as many of the kind as may be.
        case tooMany
        /// The thing is still needed: a connection by pipelines, a pipeline by a run in hand.
        case inUse
        /// A pipeline would run after one that is not there.
        case unknownUpstream
        /// Pipelines would run after each other in a circle.
        case dependencyCycle
        /// The version is not the one that the caller has seen.
        case preconditionFailed
        /// The state does not allow the change.
        case illegalTransition
        /// Another attempt of the run has taken over.
        case fenced
        /// The page cursor was not made by the same list.
        case invalidCursor
        /// As many runs or changes wait as may.
        case queueFull
        /// The store is closing or closed.
        case stopping
        /// Another server uses the state directory.
        case directoryInUse
        /// The state directory or the file cannot be made, read or written.
        case unusableDirectory
        /// A newer program has written the database.
        case newerDatabase
        /// The file is not a control database.
        case notAControlDatabase
        /// Another process holds a lock for too long.
        case busy
        case diskFull
        case readOnly
        case inputOutput
        case corrupt
        /// A read took longer than it may.
        case timedOut
        /// Our own mistake.
        case internalError
    }

    /// The kind.
    public var code: Code
    /// What was being done, such as `insert the run`.
    public var operation: String
    /// What is wrong, naming the thing.
    public var cause: String
    /// What to do about it; empty when the cause says all.
    public var hint: String

    /// Makes an error.
    public init(_ code: Code, _ operation: String, _ cause: String, hint: String = "") {
        self.code = code
        self.operation = operation
        self.cause = cause
        self.hint = hint
    }

    /// One line for logs.
    public var description: String {
        "cannot \(operation): \(cause)" + (hint.isEmpty ? "" : " (\(hint))")
    }

    /// Whether the same request may succeed a little later with nothing changed by a person.
    public var isTransient: Bool {
        switch code {
        case .queueFull, .stopping, .busy, .diskFull, .inputOutput, .timedOut: true
        default: false
        }
    }

    /// The field of a request that is wrong; nil where none is.
    private var field: String? {
        switch code {
        case .invalidCursor: "cursor"
        case .unknownUpstream, .dependencyCycle: "after"
        case .unknownPool where operation == "store the pipeline": "pool"
        default: nil
        }
    }

    /// The same in the shape of answers and runs.
    public var failure: Failure {
        let kind: Failure.Code =
            switch code {
            case .unknownConnection: .unknownConnection
            case .unknownPipeline: .unknownPipeline
            case .unknownPool: .unknownPool
            case .unknownRun: .unknownRun
            case .unknownStep: .unknownStep
            case .unknownWatermark, .unknownWebhook, .unknownDelivery: .notFound
            case .tooMany: .limitExceeded
            case .inUse, .illegalTransition: .conflict
            case .unknownUpstream: .unknownPipeline
            case .dependencyCycle: .dependencyCycle
            case .preconditionFailed: .preconditionFailed
            case .fenced: .fenced
            case .invalidCursor: .invalidValue
            case .queueFull: .queueFull
            case .stopping: .stopping
            case .busy, .directoryInUse: .locked
            case .diskFull: .diskFull
            case .readOnly: .readOnly
            case .inputOutput, .unusableDirectory: .inputOutput
            case .corrupt: .corrupt
            case .notAControlDatabase: .notADatabase
            case .timedOut: .timedOut
            case .newerDatabase, .internalError: .internalError
            }
        return Failure(
            kind, cause, hint: hint, field: field, isTransient: isTransient)
    }
}

extension StoreError {
    /// What an error of SQLite means for the control database.
    init(_ operation: String, _ error: SQLiteError) {
        let detail = "the control database says: \(error.message) (SQLite code \(error.code))"
        if error.isFull {
            self.init(.diskFull, operation, detail, hint: "free space on the disk of the state directory")
        } else if error.isReadOnly {
            self.init(.readOnly, operation, detail, hint: "make the state directory writable for the server's user")
        } else if error.isNotADatabase {
            self.init(
                .notAControlDatabase, operation, detail,
                hint: "choose another state directory, or restore the file from a backup")
        } else if error.isCorrupt || error.isMismatch {
            self.init(
                .corrupt, operation, detail,
                hint: "stop the server and restore the file from a backup; watermarks are safe in the destinations")
        } else if error.isBusy {
            self.init(.busy, operation, detail, hint: "end the other program that has the file open")
        } else if error.isInterrupted {
            self.init(.timedOut, operation, detail, hint: "try again")
        } else if error.cannotOpen {
            self.init(.unusableDirectory, operation, detail, hint: "check that the server's user may use the directory")
        } else if error.isTransient {
            self.init(.inputOutput, operation, detail, hint: "look at the disk and the kernel's log")
        } else {
            self.init(.internalError, operation, detail)
        }
    }
}
