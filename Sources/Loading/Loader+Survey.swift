public import Model
public import Platform
internal import SQLite

extension Loader {
    /// What a table of a database looks like, for advice on how to load it; reads only, and of a large table only a part.
    public func survey(_ table: String, in file: DatabaseFile, stop: StopToken) throws(Failure) -> TableFacts {
        do throws(LoadStop) {
            let connection: Connection
            do throws(SQLiteError) {
                connection = try Connection(path: file.path, access: .readOnly, stop: stop)
            } catch {
                throw .sqlite(error)
            }
            defer { connection.close() }
            return try TableSurvey(table, on: connection, clock: clock, stop: stop).facts()
        } catch {
            throw Loader.wording(file, stop).failure(error)
        }
    }
}
