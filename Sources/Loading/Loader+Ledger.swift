public import Model
public import Platform
internal import SQLite

extension Loader {
    /// Which intervals of a step's cursor its runs and backfills have loaded, as the destination has recorded it; empty
    /// where nothing is recorded, and for a step without a cursor. Reads only.
    ///
    /// A run has loaded what lies between the watermark that it found and the one that it left; one that saw the whole
    /// source, everything up to there. What it read again below the watermark is not counted twice. Backfills count
    /// where they sliced by the cursor; what was rolled back counts no more.
    public func ledger(
        pipeline: String, step: LoadStep, destination: DatabaseFile, stop: StopToken
    ) throws(Failure) -> Ledger {
        guard let cursor = step.cursor, destination.exists else { return Ledger() }
        var reading = LedgerReading(cursor, step.strategy)
        try withFile(destination, .readOnly, stop) { connection throws(LoadStop) in
            guard try DestinationLedger(connection).exists() else { return }
            let query = try LedgerReading.query(connection)
            try connection.stopping { db throws(SQLiteError) in
                try db.forEach(query, [.text(pipeline), .text(step.name), .text(cursor.column)]) {
                    row throws(SQLiteError) in
                    try reading.take(row)
                    return true
                }
            }
        }
        return reading.finish()
    }
}
