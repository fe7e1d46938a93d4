public import Model
internal import Platform
internal import SQLite

extension Loader {
    /// Puts back what a run, or an audit or backfill of that identifier, changed through `steps`, which all write
    /// `destination`: rows, schema and watermarks, in one transaction; answers what was done, the last step first, without those that had nothing left to roll back.
    ///
    /// Fails with `conflict`, and changes nothing, when a later run has touched a row that the run wrote or somebody has
    /// changed one, and with `undo_missing` when what is needed was not kept. `isTrial` does it all and leaves the destination as it was.
    public func rollback(
        run: String, steps: [LoadStep], destination: DatabaseFile, isTrial: Bool
    ) throws(Failure) -> [StepRollback] {
        guard destination.exists else {
            throw Failure(
                .undoMissing, "\(destination.path) is gone, and with it what run \(run) changed there",
                hint: "restore the file from a copy, then roll back")
        }
        return try withLedger(destination, access: .readWrite) { ledger throws(LoadStop) in
            guard try ledger.exists() else {
                throw .failure(
                    Failure(
                        .undoMissing, "\(destination.path) holds nothing that run \(run) loaded",
                        hint: "look whether the connection leads to another file since"))
            }
            let connection = ledger.connection
            try connection.stopping { db throws(SQLiteError) in try db.execute(LoadSession.settings) }
            var done: [StepRollback] = []
            do throws(LoadStop) {
                try connection.transaction(.immediate, wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
                    try ledger.prepare()
                    let writer = try UndoLedger(connection).writer(run)
                    for step in steps.reversed() {
                        let rollback = Rollback(connection: connection, writer: writer, step: step, now: clock.now())
                        if let result = try rollback.perform() { done.append(result) }
                    }
                    if isTrial { throw .trialEnded }
                }
            } catch {
                guard case .trialEnded = error else { throw error }
            }
            return done
        }
    }
}
