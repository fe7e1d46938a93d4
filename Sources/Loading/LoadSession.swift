internal import Model
internal import Platform
internal import SQLite

/// The open connection of one load: the destination with the source attached, and the functions that count.
///
/// Belongs to the worker's thread.
final class LoadSession {
    let request: LoadRequest
    let connection: Connection
    let ledger: DestinationLedger
    let clock: any Clock
    let stop: StopToken
    let progress: LoadProgress
    /// What the load notes of itself.
    let trail: LoadTrail
    /// Makes the step's checks.
    let checks: LoadChecks
    /// Rows read by the run's earlier commits, those of earlier attempts included.
    var readByRun = 0
    /// The functions that its statements call.
    let functions: LoadFunctions
    /// Keeps what the load changes; nil where nothing is kept.
    private(set) var undo: UndoLog?
    /// The name under which the source is reached; `main` where it is the destination's own file.
    let sourceSchema: String
    /// Whether the step had no watermark when the load began.
    var isFirstLoad = false
    /// Whether the load makes the table that it writes.
    var hasMadeTable = false
    /// Rows read by the load's earlier commits.
    var readBefore = 0
    /// In which order commits see their sources.
    let views: SourceViews
    /// What stands for the state of the source that the commit in hand reads.
    private var view = 0
    /// Notes for the rows that a backfill has staged what the commit in hand does; nil where nothing is staged.
    private(set) var watch: ShadowWatch?

    /// What a session is opened for.
    enum Purpose {
        /// To load: the destination's file is made when it does not exist.
        case load
        /// To look only: nothing is written, and the destination need not exist.
        case look
    }

    /// Whether the destination's file exists; only a session to look may do without.
    let hasDestination: Bool

    /// Opens the destination, with the source attached for reading only; or goes on with a connection that is `open` that
    /// way, for a load of the same step.
    init(
        _ request: LoadRequest, for purpose: Purpose, clock: any Clock, stop: StopToken, progress: LoadProgress,
        views: SourceViews, open: PartitionConnection? = nil
    ) throws(LoadStop) {
        self.request = request
        self.views = views
        self.clock = clock
        self.stop = stop
        self.progress = progress
        trail = LoadTrail(clock: clock)
        checks = LoadChecks(request.step)
        let isNew = !request.destination.exists
        hasDestination = purpose == .load || !isNew
        // To look at a load into a file that does not exist yet, the source's file stands in for it, unread.
        let sharesFile = request.source.identity == request.destination.identity
        sourceSchema = sharesFile ? "main" : SourceRelation.schema
        // A destination must not be made for a source that cannot be opened, or that it could not be loaded from.
        if isNew { try Encodings(request).refuseOther(than: Encodings.usual, stop) }
        do throws(SQLiteError) {
            if let open {
                connection = open.connection
                connection.obey(stop)
                functions = open.functions
                functions.begin(progress)
            } else {
                connection = try LoadSession.open(request, for: purpose, hasDestination, as: sourceSchema, stop)
                functions = try LoadFunctions(request.step, progress, on: connection)
            }
            ledger = DestinationLedger(connection)
            if purpose == .load { undo = UndoLog(request.step.undo, request, connection) }
        } catch {
            if error.isOtherEncoding { try Encodings(request).refuse(stop) }
            throw .sqlite(error)
        }
    }

    private static func open(
        _ request: LoadRequest, for purpose: Purpose, _ hasDestination: Bool, as sourceSchema: String, _ stop: StopToken
    ) throws(SQLiteError) -> Connection {
        let isNew = !request.destination.exists
        let connection = try Connection(
            path: hasDestination ? request.destination.path : request.source.path,
            access: purpose == .load ? .create : .readOnly, stop: stop)
        if purpose == .load {
            if isNew { try connection.execute("PRAGMA main.journal_mode = WAL") }
            try connection.execute(settings)
        }
        if sourceSchema != "main" {
            try connection.attach(path: request.source.path, as: sourceSchema, access: .readOnly)
        }
        return connection
    }

    /// FULL, since NORMAL was measured to lose acknowledged commits at a power loss. SECURE_DELETE, which Debian
    /// compiles in, doubles the cost of deletes and protects nothing here. Foreign keys stay unenforced: a load must
    /// not cascade into other tables. `legacy_alter_table` keeps a rename from following names in views and triggers.
    static let settings = """
        PRAGMA main.synchronous = FULL;
        PRAGMA main.secure_delete = OFF;
        PRAGMA main.journal_size_limit = \(Limits.journalBytes);
        PRAGMA main.cache_size = -\(Limits.loadCacheBytes / 1024);
        PRAGMA foreign_keys = OFF;
        PRAGMA legacy_alter_table = ON;
        """

    var order: CursorOrder { functions.order }
    var gate: DeltaGate { functions.gate }
    var probe: DeltaGate { functions.probe }
    var kept: RowCounter { functions.kept }

    /// Begins to watch the table for the rows that a backfill has staged for it, in a commit that may write it.
    func watchTable() throws(LoadStop) {
        watch = try ShadowWatch(connection, table: request.step.destination.table)
    }

    /// Closes the files.
    func close() {
        connection.close()
    }

    /// Runs `body`; the row that could not be cast says more than the statement that it stopped.
    func namingCasts<Result>(_ body: (LoadSession) throws(LoadStop) -> Result) throws(LoadStop) -> Result {
        do throws(LoadStop) {
            return try body(self)
        } catch {
            if case .sqlite = error, let failure = functions.casts.failure { throw .failure(failure) }
            throw error
        }
    }

    /// Notes the query that the statements of the load read through, where its source is one.
    func noteQuery() {
        guard case .query(let query) = request.step.source.relation else { return }
        trail.note("CREATE TEMP VIEW \(QuerySource.view) AS \(query)")
    }

    /// Prepares the functions for a statement that reads `range`.
    func reset(_ range: DeltaRange) {
        gate.reset(range, readBefore: readBefore)
        kept.reset()
    }

    /// Runs a statement that copies rows into the destination, and shows meanwhile how many it has copied.
    func copy(_ sql: String) throws(LoadStop) -> Int {
        let (progress, readBefore) = (progress, readBefore)
        return try connection.stopping { db throws(SQLiteError) in
            try db.reportingInserts(every: Limits.progressRows, { progress.setRead(readBefore + $0) }) {
                () throws(SQLiteError) in try db.run(sql)
            }
        }
    }

    /// The step's source, as it is now.
    func relation() throws(LoadStop) -> SourceRelation {
        let found = try SourceRelation.find(request.step.source.relation, on: connection, in: sourceSchema)
        return try SourceColumns(connection: connection, step: request.step).applied(to: found)
    }

    /// Drops the temporary views of a source, which hide tables of the same names; `relation()` makes them again.
    func drop(_ relation: SourceRelation) throws(LoadStop) {
        try QuerySource(connection: connection, schema: sourceSchema).drop(relation.views)
    }

    /// The destination's table, as it is now.
    func destination() throws(LoadStop) -> DestinationTable {
        let name = request.step.destination.table
        guard !request.step.destination.isReserved else {
            throw .failure(
                Failure(
                    .invalidValue, "\(name) is a name that SQLite and Strandline keep for tables of their own",
                    hint: "name another table", field: "destination.table"))
        }
        guard hasDestination else { return DestinationTable(step: request.step, shape: nil) }
        let shape = try connection.stopping { db throws(SQLiteError) in try db.shape(of: name, in: "main") }
        if let shape, shape.kind != .table {
            throw .failure(
                Failure(
                    .notATable, "\(name) in the destination is a view or a virtual table, which cannot be loaded into",
                    hint: "name an ordinary table", field: "destination.table"))
        }
        if sourceSchema == "main", case .table(let source) = request.step.source.relation, fold(source) == fold(name) {
            throw .failure(
                Failure(
                    .sameTable, "source and destination are the same table \(name) of the same file",
                    hint: "name another table", field: "destination.table"))
        }
        return DestinationTable(step: request.step, shape: shape)
    }

    /// Makes the destination's table, or gives it the columns it lacks; answers it as it is then.
    func prepare(
        _ table: DestinationTable, _ match: SchemaMatch, _ relation: SourceRelation
    ) throws(LoadStop) -> DestinationTable {
        let statements = table.shape == nil ? table.create(match, relation) : match.added.map { table.add($0) }
        guard !statements.isEmpty else { return table }
        try drop(relation)
        for statement in statements {
            trail.note(statement)
            try connection.stopping { db throws(SQLiteError) in try db.execute(statement) }
        }
        _ = try self.relation()
        return try destination()
    }

    /// The step's watermark; nil when there is none, or no destination yet.
    func held() throws(LoadStop) -> DestinationLedger.Held? {
        guard hasDestination, try ledger.exists() else { return nil }
        return try ledger.watermark(request.pipeline, request.step.name)
    }

    /// The SQL that reads the step's delta from `relation`.
    func delta(_ relation: SourceRelation, _ cursor: Cursor, _ columns: [SchemaMatch.Pair]) -> DeltaStatement {
        DeltaStatement(
            relation: relation, step: request.step, order: order,
            cursor: relation.shape.column(cursor.column)?.name ?? cursor.column, columns: columns,
            keyColumns: request.step.primaryKey.map { relation.shape.column($0)?.name ?? $0 })
    }

    /// The window that a load starting now reads above `held`.
    func window(
        _ delta: DeltaStatement, _ cursor: Cursor, _ held: Watermark?, _ now: Timestamp
    ) throws(LoadStop) -> DeltaWindow {
        try DeltaWindow(
            step: request.step, cursor: cursor, order: order, held: held, isCursorUnique: delta.isCursorUnique, now: now
        ) { () throws(LoadStop) in
            try value("SELECT max(\(quoted(delta.cursor))) FROM \(delta.relation.sql)").flatMap { order.key($0) }
        }
    }

    /// Whether rows that the commit in hand, or the one that is looked at, changes are kept for a rollback.
    private var keepsRows: Bool { undo?.keepsRows ?? (request.step.undo != nil && !hasMadeTable) }

    /// Where a load into a table that is there keeps what it changes; nil where nothing is kept.
    func undoTable(_ table: DestinationTable, _ match: SchemaMatch) -> UndoTable? {
        request.step.undo == nil ? nil : UndoTable(table, loaded: match.pairs.map(\.destination))
    }

    /// The step's way to write a delta.
    func writer(
        _ delta: DeltaStatement, _ table: DestinationTable, _ held: DestinationLedger.Held?
    ) throws(LoadStop) -> any DeltaWrite {
        switch request.step.writeMode {
        case .upsert:
            UpsertWrite(
                delta: delta, table: table,
                isDirect: isFirstLoad && !keepsRows && !request.step.checksRows && watch == nil)
        case .deleteInsert: DeleteInsertWrite(delta: delta, table: table)
        case .append: AppendWrite(delta: delta, table: table, reached: try appended(held).flatMap { order.key($0) })
        }
    }

    /// Counts the rows of a range without writing; the probe's tally says more.
    func count(_ range: DeltaRange, _ delta: DeltaStatement) throws(LoadStop) -> Int {
        probe.reset(range, readBefore: nil)
        let condition = delta.condition(range, gate: DeltaGate.probeName)
        return try integer(
            "SELECT count(*) FROM \(delta.relation.sql) WHERE \(condition.sql)", condition.parameters)
    }

    /// The highest cursor among the destination's rows, whoever wrote them; nil where there is none.
    func highestInDestination(_ cursor: Cursor) throws(LoadStop) -> CursorValue? {
        let table = try destination()
        guard let column = table.shape?.column(cursor.column)?.name else { return nil }
        let highest = try value(
            "SELECT \(quoted(column)) FROM \(table.sql) ORDER BY \(OrderFunction.name)(\(quoted(column))) DESC LIMIT 1")
        return highest.flatMap { order.key($0) == nil ? nil : $0 }
    }

    /// The number of rows in the destination's table.
    func rowsInDestination(_ table: DestinationTable) throws(LoadStop) -> Int {
        try integer("SELECT count(*) FROM \(table.sql)")
    }

    /// The first value of a statement's first row as an integer; 0 where it is none.
    func integer(_ sql: String, _ parameters: [Value] = []) throws(LoadStop) -> Int {
        try connection.stopping { db throws(SQLiteError) in Int(try db.first(sql, parameters)?[0].integer ?? 0) }
    }

    /// The first value of a statement's first row; nil for no row and for NULL.
    func value(_ sql: String, _ parameters: [Value] = []) throws(LoadStop) -> CursorValue? {
        try connection.stopping { db throws(SQLiteError) in try db.first(sql, parameters).flatMap { CursorValue($0[0]) }
        }
    }

    /// Runs `body` in a transaction of the destination that holds its write lock from the start, so that the source
    /// is read after the lock was taken.
    func transaction<Result>(_ body: () throws(LoadStop) -> Result) throws(LoadStop) -> Result {
        try connection.transaction(.immediate, wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
            // Beginning has fixed the state of the source as well, after that of the destination.
            view = views.next()
            let result = try body()
            views.note(view, of: request.step.destination.table, in: request.destination)
            return result
        }
    }

    /// What the latest commit to the destination's table has noted of its state of the source.
    var latestView: Int { views.latest(of: request.step.destination.table, in: request.destination) }

    /// Says that the commit in hand writes what was read in another state of the source.
    func seesSource(as number: Int) { view = number }
}
