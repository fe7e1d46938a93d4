internal import Model
internal import Platform
internal import SQLite

/// Keeps what a commit changes, in the destination and in the commit's own transaction, so that it can be rolled back.
///
/// Rows are copied by statements of their own: before the write where what it will leave is known by then, else before
/// and after it. Triggers would see every change by themselves, but make SQLite keep the old pages of all that a
/// statement changes in a file, which was measured to cost several times as much.
final class UndoLog {
    /// The temporary table of the keys of the rows that a write is about to change.
    static let touched = "temp._strandline_touched"

    private let connection: Connection
    private let request: LoadRequest
    /// What is kept; nil keeps only that the run wrote the table, so that the rollback of an earlier one can tell.
    private let policy: UndoPolicy?
    private var record: UndoLedger.Record?
    private var kept: UndoTable?
    /// Whether a write is in hand whose rows are kept; what it does in parts is kept once, with the whole.
    private(set) var isWatching = false
    private var rowsBefore = 0
    private var rowsAfter = 0
    /// Notes every row that is written, where the table's triggers may write others than the load; nil where it has none.
    private var watch: RowWatch?
    /// Why the commit in hand cannot be undone though it was to be; nil while it can.
    private var loss: LoadWarning?

    init(_ policy: UndoPolicy?, _ request: LoadRequest, _ connection: Connection) {
        self.policy = policy
        self.request = request
        self.connection = connection
    }

    private var ledger: UndoLedger { UndoLedger(connection) }

    /// The most rows that one write may change and still be kept. A backfill is kept whole: it tells beforehand how much
    /// that may be.
    private var mostRows: Int { request.isBackfill ? .max : policy?.maxRows ?? 0 }

    /// Whether rows that change are to be kept in the commit in hand.
    var keepsRows: Bool { record?.kind == .changed }

    /// Whether the rows that change are told apart by a key, which must be known before they are written.
    var keepsKeys: Bool { keepsRows && kept?.key.isEmpty == false }
    /// Where rows are kept by their keys; nil where none are.
    var keyed: UndoTable? { keepsKeys ? kept : nil }

    /// Begins a commit: remembers the watermark as it is before.
    func begin(number: Int, held: DestinationLedger.Held?, at now: Timestamp) {
        kept = nil
        rowsBefore = 0
        rowsAfter = 0
        watch = nil
        loss = nil
        record = UndoLedger.Record(
            run: request.run, step: request.step.name, number: number, pipeline: request.pipeline,
            table: request.step.destination.table, kind: policy == nil ? .notKept : .changed, key: [], columns: [],
            watermark: held.map { ($0.watermark.cursor, $0.watermark.value, $0.watermark.key) },
            reached: held?.reached,
            isBackfill: request.isBackfill,
            expiresAt: now.adding(policy?.keep ?? Limits.undoTime).microseconds)
    }

    /// Names the table that the commit writes, once it has its columns. Of a table that the run made itself no rows are
    /// kept: it goes as a whole.
    ///
    /// - Parameter loaded: the columns that the load fills.
    func open(_ table: DestinationTable, isCreated: Bool, added: [String], loaded: [String]) throws(LoadStop) {
        let kept = UndoTable(table, loaded: loaded)
        record?.table = table.shape?.name ?? request.step.destination.table
        record?.key = kept.key
        record?.columns = kept.columns
        record?.added = added
        guard policy != nil else { return }
        // Each commit takes this over from the one before it, so the last tells of all: a backfill has thousands.
        let before = try ledger.lastKind(run: request.run, step: request.step.name)
        if isCreated || before == .created {
            record?.kind = .created
        } else if before == .notKept {
            record?.kind = .notKept
        } else {
            try kept.prepare(connection)
            self.kept = kept
            if try table.hasTriggers(connection) { watch = try RowWatch(kept, connection) }
        }
    }

    /// Notes that the commit put a new table in the place of the old one, which bears the name `old`; answers whether
    /// that is to be kept.
    func replaced(
        _ table: DestinationTable, old: String, rows: Int, added: [String], definitions: [String]
    ) -> Bool {
        record?.table = table.shape?.name ?? request.step.destination.table
        guard policy != nil, rows <= mostRows else {
            record?.kind = .notKept
            return false
        }
        record?.kind = .replaced
        record?.added = added
        record?.oldTable = old
        record?.oldRows = rows
        record?.definitions = definitions
        return true
    }

    /// Runs a write that changes the rows with the keys of `rows`, keeping them as they are before and after it.
    ///
    /// - Parameters:
    ///   - rows: what stands behind FROM where the key's columns can be selected, one for each kind of row.
    ///   - staged: the same rows as they will be, where that is known.
    func around<Result>(
        _ rows: [String], _ staged: StagedRows?, _ write: () throws(LoadStop) -> Result
    ) throws(LoadStop) -> Result {
        guard keepsRows, !isWatching, let kept, !kept.key.isEmpty else { return try write() }
        isWatching = true
        defer { isWatching = false }
        if let staged, staged.count <= mostRows, try kept.foresees(staged, connection) {
            let first = try lastEntry(kept) + 1
            rowsAfter += try keep(kept.keep(staged))
            rowsBefore += try connection.stopping { db throws(SQLiteError) in
                let changed = "SELECT count(*) FROM \(kept.sql) WHERE entry >= ? AND side = ?"
                let found = try db.first(changed, [.integer(first), Value(UndoTable.Side.changed.rawValue)])
                return Int(found?[0].integer ?? 0)
            }
            return try write()
        }
        let touched = try connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(UndoLog.touched)")
            try db.execute(
                "CREATE TEMP TABLE _strandline_touched AS SELECT \(kept.tableKey) FROM \(kept.table.sql) WHERE 0")
            var count = 0
            for from in rows {
                count += try db.run(kept.touch(from))
            }
            return count
        }
        guard touched <= mostRows else {
            try giveUp(tooMany)
            return try write()
        }
        // Written by none of the writes whose rows are kept.
        try giveUpOnStrangers(among: nil)
        guard keepsRows else { return try write() }
        let first = try lastEntry(kept) + 1
        rowsBefore += try keep(kept.keep(.before, where: kept.isTouched))
        let result = try write()
        rowsAfter += try keep(kept.keep(.after, where: kept.isTouched))
        try giveUpOnStrangers(among: first...max(first, try lastEntry(kept)))
        return result
    }

    /// Keeps `count` rows of a table without a key, those that `condition` holds for, before they are removed.
    func keepRemoved(_ count: Int, where condition: String) throws(LoadStop) {
        guard keepsRows, !isWatching, let kept, kept.key.isEmpty, kept.rowNumber != "NULL" else { return }
        guard count <= mostRows else { return try giveUp(tooMany) }
        rowsBefore += try keep(kept.keep(.before, where: condition))
    }

    /// Runs a write that only adds rows to a table without a key, keeping them as they are after it.
    ///
    /// - Parameter write: answers how many rows it added.
    func aroundAppend(_ write: () throws(LoadStop) -> Int) throws(LoadStop) -> Int {
        guard keepsRows, let kept, kept.key.isEmpty, kept.rowNumber != "NULL" else { return try write() }
        let highest = try connection.stopping { db throws(SQLiteError) in
            try db.first("SELECT max(\(kept.rowNumber)) FROM \(kept.table.sql)")?[0].integer ?? 0
        }
        let added = try write()
        guard added <= mostRows else {
            try giveUp(tooMany)
            return added
        }
        let found = try keep(kept.keep(.after, where: "\(kept.rowNumber) > \(highest)"))
        // Numbers that SQLite picks at random, once the highest is taken, do not tell the new rows.
        rowsAfter += found
        if found != added { try giveUp(otherRows) }
        return added
    }

    /// Looks whether all that the commit has changed is kept; answers what is to be told where it is not.
    ///
    /// A commit whose `counts` say of other rows than were kept cannot be undone: nothing is put back by halves.
    func settle(_ counts: RowCounts) throws(LoadStop) -> [LoadWarning] {
        if keepsRows, let kept {
            let marked = request.step.softDelete == nil ? 0 : counts.deleted
            let isWhole =
                rowsBefore == counts.updated + counts.deleted && rowsAfter == counts.inserted + counts.updated + marked
            if !isWhole { try giveUp(otherRows) }
            // By their keys they were looked at write by write.
            try giveUpOnStrangers(among: kept.key.isEmpty ? record?.entries : nil)
        }
        try watch?.stop()
        watch = nil
        return [loss].compactMap { $0 }
    }

    /// Ends the commit: writes its record, and forgets what is kept no longer.
    func finish(_ counts: RowCounts, at now: Timestamp) throws(LoadStop) {
        guard var record else { return }
        let hasWritten = counts.inserted + counts.updated + counts.deleted > 0
        // A backfill has a record of each commit, by which its end is known.
        if !hasWritten, policy == nil { record.kind = .changed }
        if policy != nil || hasWritten || request.isBackfill { try ledger.write(record) }
        try ledger.trim(record.table, keeping: policy?.maxRows ?? Limits.undoRows, at: now)
        self.record = nil
    }

    private var writer: String { request.isBackfill ? "this backfill" : request.isAudit ? "this audit" : "this run" }

    private var tooMany: LoadWarning {
        LoadWarning(
            code: "undo_lost",
            message:
                "\(writer) cannot be rolled back: it changes more than the \(mostRows) rows that `undo.max_rows` keeps")
    }

    private var otherRows: LoadWarning {
        LoadWarning(
            code: "undo_lost",
            message:
                "\(writer) cannot be rolled back: with its rows others of \(request.step.destination.table) change, by a "
                + "trigger of the table")
    }

    /// Gives up where rows were written whose keys are not among the kept entries.
    private func giveUpOnStrangers(among entries: ClosedRange<Int64>?) throws(LoadStop) {
        guard keepsRows, let watch, try watch.takeStrangers(among: entries) > 0 else { return }
        try giveUp(otherRows)
    }

    /// Forgets what the run has kept of its rows, since that is not all that it changes.
    private func giveUp(_ reason: LoadWarning) throws(LoadStop) {
        loss = reason
        if let kept, let entries = record?.entries {
            try connection.stopping { db throws(SQLiteError) in
                _ = try db.run(
                    "DELETE FROM \(kept.sql) WHERE entry BETWEEN ? AND ?",
                    [.integer(entries.lowerBound), .integer(entries.upperBound)])
            }
        }
        record?.entries = nil
        record?.kind = .notKept
    }

    @discardableResult
    private func keep(_ statement: String) throws(LoadStop) -> Int {
        guard let kept else { return 0 }
        let first = (try lastEntry(kept)) + 1
        let count = try connection.stopping { db throws(SQLiteError) in try db.run(statement) }
        guard count > 0 else { return 0 }
        let range = first...(first + Int64(count) - 1)
        let start = record?.entries?.lowerBound ?? range.lowerBound
        record?.entries = start...range.upperBound
        return count
    }

    /// The highest entry ever given: what was kept and forgotten leaves its number behind in no record, and may be
    /// given again.
    private func lastEntry(_ kept: UndoTable) throws(LoadStop) -> Int64 {
        try connection.stopping { db throws(SQLiteError) in
            try db.first("SELECT max(entry) FROM \(kept.sql)")?[0].integer ?? 0
        }
    }
}

extension LoadSession {
    /// Runs a write that changes the rows with the keys of `rows`, each what stands behind FROM, so that it can be
    /// rolled back; `staged` are the same rows as they will be, where that is known.
    func undoable<Result>(
        _ rows: @autoclosure () -> [String], _ staged: @autoclosure () -> StagedRows? = nil,
        _ write: () throws(LoadStop) -> Result
    ) throws(LoadStop) -> Result {
        guard let undo, undo.keepsRows else { return try write() }
        return try undo.around(rows(), staged(), write)
    }
}
