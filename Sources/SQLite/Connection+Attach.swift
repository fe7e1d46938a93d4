internal import CSQLite

extension Connection {
    /// Attaches the file at `path`, always a plain path, under `name`, and reads its schema once.
    ///
    /// With `.readOnly` a transaction of this connection does not hold up the file's own writers; with any other
    /// access `BEGIN IMMEDIATE` locks the file too.
    public func attach(path: String, as name: String, access: Access) throws(SQLiteError) {
        let file = DatabasePath(path: path, access: access)
        try file.check()
        let quoted = try quotedIdentifier(name)
        let database = try database(for: "attach \(path)")
        do throws(SQLiteError) {
            _ = try run("ATTACH ? AS \(quoted.sql)", [.text(file.uri)])
        } catch {
            throw error.isInterrupted || error.isBusy ? error : file.failure(error)
        }
        do throws(SQLiteError) {
            _ = try first("SELECT count(*) FROM \(quoted.sql).sqlite_schema")
            try file.checkWritable(database, name)
        } catch {
            try? detach(name)
            throw error.isInterrupted || error.isBusy || error.isReadOnly && access != .readOnly
                ? error : file.failure(error)
        }
    }

    /// Detaches what was attached under `name`; not possible inside a transaction.
    public func detach(_ name: String) throws(SQLiteError) {
        try execute("DETACH \(try quotedIdentifier(name).sql)")
    }

    private func quotedIdentifier(_ name: String) throws(SQLiteError) -> QuotedIdentifier {
        guard let quoted = QuotedIdentifier(name) else {
            throw SQLiteError(
                code: SQLITE_MISUSE, operation: "name a database", message: "the name holds a NUL byte")
        }
        return quoted
    }
}
