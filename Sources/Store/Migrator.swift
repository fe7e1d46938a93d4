internal import SQLite

/// One step in the life of the control database's schema.
struct Migration: Sendable {
    /// The version that the database has afterwards, from 1 without gaps.
    let version: Int
    /// The statements that bring it there.
    let sql: String

    /// All of them, oldest first. A published one is never changed; a mistake is mended by the next.
    static let all = [
        Migration.first, Migration.second, Migration.third, Migration.fourth, Migration.fifth, Migration.sixth,
        Migration.seventh, Migration.eighth, Migration.ninth, Migration.tenth,
        Migration.eleventh, Migration.twelfth, Migration.thirteenth, Migration.fourteenth, Migration.fifteenth,
        Migration.sixteenth, Migration.seventeenth, Migration.eighteenth, Migration.nineteenth, Migration.twentieth,
        Migration.twentyFirst,
    ]
}

/// Brings a control database to the program's version, forward only.
struct Migrator {
    /// The `application_id` that marks a file as a control database: "Strn" as a number.
    static let applicationID: Int64 = 0x5374_726E

    let migrations: [Migration]

    /// Makes a migrator; only tests give other migrations than the program's own.
    init(_ migrations: [Migration] = Migration.all) {
        self.migrations = migrations
    }

    /// Runs each missing migration in a transaction of its own.
    ///
    /// Refuses, and changes nothing in, a database that a newer program wrote or that is another program's.
    func migrate(_ connection: Connection) throws(StoreError) {
        let operation = "bring the control database up to date"
        for migration in migrations {
            try connection.transaction(wrapping: { StoreError(operation, $0) }) { () throws(StoreError) in
                let version = try check(connection, operation)
                guard version < migration.version else { return }
                do throws(SQLiteError) {
                    try connection.execute(migration.sql)
                    try connection.execute("PRAGMA application_id = \(Migrator.applicationID)")
                    try connection.execute("PRAGMA user_version = \(migration.version)")
                } catch {
                    throw StoreError(operation, error)
                }
            }
        }
    }

    /// The version of a database that is ours, or empty; an error for any other.
    func check(_ connection: Connection, _ operation: String) throws(StoreError) -> Int {
        let version: Int64
        let application: Int64
        let tables: Int64
        do throws(SQLiteError) {
            version = try connection.first("SELECT user_version AS n FROM pragma_user_version")?.int("n") ?? 0
            application = try connection.first("SELECT application_id AS n FROM pragma_application_id")?.int("n") ?? 0
            tables = try connection.first("SELECT count(*) AS n FROM sqlite_schema")?.int("n") ?? 0
        } catch {
            throw StoreError(operation, error)
        }
        guard application == Migrator.applicationID || (application == 0 && version == 0 && tables == 0) else {
            throw StoreError(
                .notAControlDatabase, operation, "\(connection.path) is the database of another program",
                hint: "choose another state directory")
        }
        let latest = migrations.last?.version ?? 0
        guard version <= latest else {
            throw StoreError(
                .newerDatabase, operation,
                "\(connection.path) has schema version \(version); this program knows versions up to \(latest)",
                hint: "start the newer program again, or restore a backup that this one has written")
        }
        return Int(version)
    }
}
