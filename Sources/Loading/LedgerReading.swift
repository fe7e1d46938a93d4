internal import Model
internal import Platform
internal import SQLite

/// Reads a step's loads and the partitions of its backfills into its ledger, one by one.
struct LedgerReading {
    private let cursor: Cursor
    private let strategy: Strategy
    private let isTime: Bool
    private let initial: PartitionBound.Place?
    private var ledger = Ledger()
    /// What a backfill has loaded, as far as it was read: neighbours are one, as where its partitions were folded.
    private var pending: [Ledger.Entry] = []

    /// Begins for the cursor of a step.
    init(_ cursor: Cursor, _ strategy: Strategy) {
        self.cursor = cursor
        self.strategy = strategy
        isTime = CursorOrder(cursor, strategy: strategy).isTime
        initial = cursor.initial.flatMap { cursor.place(of: $0, strategy) }
    }

    /// The ledger, when all is read.
    mutating func finish() -> Ledger {
        addPending()
        return ledger
    }

    private mutating func addPending() {
        for entry in pending { ledger.add(entry) }
        pending = []
    }

    /// The query for a step's loads (pipeline, step and cursor column are its parameters) in the order they began, those
    /// of a run in the order they were committed: the records of loads, what is left of those that were trimmed, and
    /// partitions of backfills.
    static func query(_ connection: Connection) throws(LoadStop) -> String {
        // What an older program left last has no such tables yet.
        let isKept =
            try connection.hasTable("_strandline_rollbacks")
            ? "AND NOT EXISTS (SELECT 1 FROM main._strandline_rollbacks AS b WHERE b.run = l.run AND b.step = l.step)"
            : ""
        var sides = [
            """
            SELECT run, run, false, watermark_before, watermark_after, load_window = 'all rows', committed_at, 1,
                commit_number
            FROM main._strandline_loads AS l WHERE pipeline = ?1 AND step = ?2 AND ?3 IS NOT NULL \(isKept)
            """
        ]
        if try connection.hasTable("_strandline_intervals") {
            sides.append(
                """
                SELECT first_run, last_run, false, start_value, end_value, false, committed_at, loads, 0
                FROM main._strandline_intervals WHERE pipeline = ?1 AND step = ?2
                """)
        }
        if try connection.hasTable("_strandline_partitions") {
            // What was staged is loaded once it is published.
            let isPublished =
                try connection.hasTable("_strandline_backfills")
                ? """
                AND (NOT staged OR EXISTS (SELECT 1 FROM main._strandline_backfills AS b
                    WHERE b.backfill = p.backfill AND b.step = p.step AND b.published_at IS NOT NULL))
                """ : ""
            sides.append(
                """
                SELECT backfill, backfill, true, start_value, end_value, false, committed_at, 1, commit_order
                FROM main._strandline_partitions AS p WHERE pipeline = ?1 AND step = ?2
                    AND partition_column = ?3 COLLATE NOCASE AND rolled_back_at IS NULL \(isPublished)
                """)
        }
        if try connection.hasTable("_strandline_backfill_intervals") {
            sides.append(
                """
                SELECT backfill, backfill, true, start_value, end_value, false, committed_at, loads, place
                FROM main._strandline_backfill_intervals
                WHERE pipeline = ?1 AND step = ?2 AND partition_column = ?3 COLLATE NOCASE
                """)
        }
        return sides.joined(separator: " UNION ALL ") + " ORDER BY 1, 9"
    }

    /// Adds the load of a row.
    mutating func take(_ row: Row) throws(SQLiteError) {
        let isBackfill = row[2] == .integer(1)
        let start = place(row[3], isBound: isBackfill)
        // A load that found nothing leaves no watermark.
        guard let end = place(row[4], isBound: isBackfill) else { return }
        // One that saw the whole source has loaded everything, whatever watermark it found.
        let isWhole = row[5] == .integer(1)
        let entry = Ledger.Entry(
            start: isWhole ? nil : start ?? initial, end: end, origin: isBackfill ? .backfill : .run,
            first: LedgerReading.text(row[0]), last: LedgerReading.text(row[1]), loads: Int(row[7].integer ?? 1),
            loadedAt: Timestamp(rfc3339: LedgerReading.text(row[6])) ?? Timestamp(microseconds: 0))
        if pending.last?.last != entry.last { addPending() }
        if isBackfill { pending.join(entry) } else { ledger.add(entry) }
    }

    private static func text(_ value: Value) -> String {
        if case .text(let text) = value { text.string ?? "" } else { "" }
    }

    /// The place of a cursor's value, or of a partition's bound, which is kept as a number.
    private func place(_ value: Value, isBound: Bool) -> PartitionBound.Place? {
        guard isBound else { return CursorValue(value).flatMap { cursor.place(of: $0, strategy) } }
        guard case .integer(let number) = value else { return nil }
        return isTime ? .time(Timestamp(microseconds: number)) : .number(number)
    }
}
