internal import Model
internal import Platform
internal import SQLite

/// Why a load stopped, before it is put into words for the run.
///
/// SQLite's errors stay as they are until the loader, which knows the files and the stop token, names them.
enum LoadStop: Error {
    case failure(Failure)
    case sqlite(SQLiteError)
    /// A rollback that was only tried has come to its end; never leaves the loader.
    case trialEnded
}

extension Connection {
    /// Runs `body` with this connection and carries SQLite's error on.
    func stopping<Result>(_ body: (Connection) throws(SQLiteError) -> Result) throws(LoadStop) -> Result {
        do throws(SQLiteError) { return try body(self) } catch { throw .sqlite(error) }
    }
}

/// Puts a stop into words.
struct LoadStopWording {
    let source: DatabaseFile
    let destination: DatabaseFile
    /// The destination's table; empty where only a file is spoken of.
    let table: String
    let stop: StopToken
    /// Whether a run was stopped, which is tried again by itself; other work a person asks for again.
    var isRun = true

    private var again: String { isRun ? "the run is tried again by itself" : "then try again" }

    /// The failure that a run shows.
    func failure(_ stopped: LoadStop) -> Failure {
        switch stopped {
        case .failure(let failure): failure
        case .sqlite(let error): failure(error)
        case .trialEnded: Failure(.internalError, "a trial was taken for the work itself")
        }
    }

    private func failure(_ error: SQLiteError) -> Failure {
        if let reason = stop.reason, error.isInterrupted || error.isRolledBack {
            return LoadStopWording.stopped(reason)
        }
        if error.isBusy {
            return Failure(
                .locked, "\(file(error)) is locked by another program: \(error.message)",
                hint: "end the other program's transaction; \(again)", isTransient: true)
        }
        if error.isFull {
            return Failure(
                .diskFull, "\(destination.path) cannot grow: \(error.message)",
                hint: "free space on its disk; \(again)", isTransient: true)
        }
        if error.isReadOnly {
            return Failure(
                .readOnly, "\(destination.path) cannot be written: \(error.message)",
                hint: "give the server's user write permission on the file and its folder")
        }
        if error.cannotOpen {
            let isSource = error.operation == "open \(source.path)"
            let field = table.isEmpty ? nil : isSource ? "source.connection" : "destination.connection"
            return UnopenableFile(path: isSource ? source.path : destination.path, isWritten: !isSource)
                .failure(error.message, field: field)
        }
        if error.isNotADatabase {
            return Failure(
                .notADatabase, "\(file(error)) is not a SQLite database",
                hint: "correct the connection's path, or restore the file from a copy")
        }
        if error.isCorrupt {
            return Failure(
                .corrupt, "\(file(error)) is damaged: \(error.message)",
                hint: "check it with PRAGMA integrity_check and restore it from a copy")
        }
        if error.isUnique {
            return Failure(
                .duplicateKey, "two rows have the same key in table \(table): \(error.message)",
                hint:
                    "name a primary_key that is unique in the source, or remove the unique constraint; where rows only exchange "
                    + "values that are unique, run with full_refresh")
        }
        if error.isConstraint {
            return Failure(
                .constraint, "a row breaks a constraint of table \(table): \(error.message)",
                hint: "mend the row in the source, or relax the destination's constraint")
        }
        if error.isInterrupted {
            return Failure(.interrupted, "the load was interrupted", hint: "run it again", isTransient: true)
        }
        return Failure(
            error.isTransient ? .inputOutput : .internalError,
            "\(file(error)): \(error.operation): \(error.message)",
            hint: error.isTransient
                ? "look at the disk; \(again)" : "correct what the message names",
            isTransient: error.isTransient)
    }

    /// The file that an error speaks of: SQLite says it only in the operation or not at all.
    private func file(_ error: SQLiteError) -> String {
        // What waits for a lock on the destination is the begin or the end of its transaction.
        if error.isBusy, !["BEGIN", "COMMIT", "PRAGMA main"].contains(where: { error.operation.hasPrefix($0) }),
            !error.operation.contains(destination.path)
        {
            return source.path
        }
        return error.operation.contains(source.path) || error.message.contains(source.path)
            ? source.path : destination.path
    }

    /// The failure of work that was stopped on purpose.
    static func stopped(_ reason: StopToken.Reason) -> Failure {
        switch reason {
        case .cancelled: Failure(.cancelled, "the run was cancelled", hint: "what was committed before stays")
        case .timedOut:
            Failure(
                .timedOut, "the run took longer than the pipeline's timeout allows",
                hint: "raise `timeout`, or run again: what was committed before stays")
        case .shutdown:
            Failure(
                .interrupted, "the server stopped during the load", hint: "it goes on when the server is back",
                isTransient: true)
        }
    }
}
