internal import Model
internal import Platform
internal import SQLite

/// A connection that the partitions of a backfill use one after the other, with what none of them has to make or find
/// out anew: SQLite's prepared statements stay good only while no function, table or view is made.
final class PartitionConnection {
    let connection: Connection
    /// The functions of the step's loads.
    let functions: LoadFunctions
    /// Says which values lie in the partition in hand.
    let gate: PartitionGate
    /// What the last partition found, and the state that both schemas were in.
    private var known: (versions: [Value], view: PartitionView)?
    /// The statements for its partitions.
    private var rows: PartitionRows?
    /// Whether a row was found that has a place in the order of the column; then not all of them lack one.
    private var hasPlaces = false
    /// The destination's last commit when the last writer of the table was looked for.
    private var lastCommit: Int64 = 0
    /// The statements that made the tables which are there to stage rows in.
    private var stage: [String] = []
    /// Whether they may hold rows.
    private var isStageUsed = false

    /// Prepares the new connection of a session.
    init(_ session: LoadSession) throws(LoadStop) {
        connection = session.connection
        functions = session.functions
        gate = PartitionGate(session.order, progress: session.progress)
        try connection.stopping { db throws(SQLiteError) in
            // What is staged for a partition is small, and of no use once its transaction has ended, so it need not be
            // written to a file only to be able to undo it.
            try db.execute(
                "PRAGMA temp.journal_mode = MEMORY; PRAGMA temp.cache_size = -\(Limits.partitionCacheBytes / 1024)")
        }
        try gate.register(on: connection)
    }

    /// What a partition is loaded from and into, looked up again only when a schema has changed; inside its transaction.
    func view(
        _ session: LoadSession, _ scheme: PartitionScheme, _ scope: PartitionScope
    ) throws(LoadStop) -> PartitionView {
        let versions = try connection.stopping { db throws(SQLiteError) in
            [
                try db.first("PRAGMA main.schema_version")?[0] ?? .null,
                try db.first("PRAGMA \(quoted(session.sourceSchema)).schema_version")?[0] ?? .null,
            ]
        }
        if let known, known.versions == versions {
            try known.view.refuseHidden(scope, session)
            return known.view
        }
        let view = try PartitionView(session, scheme, scope)
        known = (versions, view)
        rows = nil
        stage = []
        return view
    }

    /// Fails where a partition found no row because none can lie in any.
    func refuseUnplaced(_ scope: PartitionScope, _ session: LoadSession) throws(LoadStop) {
        guard !hasPlaces, let known else { return }
        try known.view.refuseUnplaced(scope, session)
        hasPlaces = true
    }

    /// The statements that bring the rows of a view into its table, `table` by now, written again only where they differ.
    func rows(
        _ view: PartitionView, _ key: [SchemaMatch.Pair], _ table: DestinationTable, _ scope: PartitionScope,
        isRead: Bool
    ) -> PartitionRows {
        if let rows, rows.fits(scope, isRead: isRead) { return rows }
        let made = PartitionRows(
            view.relation, view.match.pairs, key: key, column: view.column, table, scope, isRead: isRead)
        rows = made
        return made
    }

    /// Fails when another step was the last to write the table. Every partition that removes rows asks that, so only the
    /// commits since the last one which did are looked through.
    func refuseOtherWriter(_ shrinkGuard: ShrinkGuard, _ session: LoadSession) throws(LoadStop) {
        try shrinkGuard.refuseOtherWriter(session, after: lastCommit)
        lastCommit = try UndoLedger(connection).lastSequence()
    }

    /// Makes the tables that rows are staged in, unless they are there; empty in any case.
    func openStage(_ tables: [StageTable]) throws(LoadStop) {
        let statements = tables.flatMap(\.make)
        if statements == stage {
            // What was read ahead, and is not used, may be there.
            if isStageUsed { try clearStage(tables) }
            isStageUsed = true
            return
        }
        try connection.stopping { db throws(SQLiteError) in
            for table in tables { try db.execute("DROP TABLE IF EXISTS \(table.name)") }
            for statement in statements { try db.execute(statement) }
        }
        stage = statements
        isStageUsed = true
    }

    /// Empties them for the next partition.
    func clearStage(_ tables: [StageTable]) throws(LoadStop) {
        try connection.stopping { db throws(SQLiteError) in
            for table in tables { try db.run("DELETE FROM \(table.name)") }
        }
        isStageUsed = false
    }
}

/// A temporary table that a partition stages rows in.
struct StageTable {
    /// Its name in SQL.
    let name: String
    /// The statements that make it.
    let make: [String]
}
