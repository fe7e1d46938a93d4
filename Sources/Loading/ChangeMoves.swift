internal import Model
internal import SQLite

/// Puts change events into the stage one by one, in their order, so that a row whose key changes takes along the values
/// that the events leave out.
///
/// A staged row then has an origin: the key by which the destination holds the values that no event has told. It moves
/// with the row. The work is that of a trigger on a temporary view, into which the events are inserted.
struct ChangeMoves {
    static let name = "_strandline_moves"
    static let sql = "temp._strandline_moves"

    let stage: ChangeStage
    /// The watermark: the destination is what the events up to it have made.
    let held: DestinationLedger.Held?
    /// The condition that an event was applied to its key, by the names of the key's columns and of the sequence; nil
    /// where that is not kept.
    var wasApplied: ((_ event: String, _ sequence: String) -> String)?

    // The view's own columns: none that the stage has, since those are the destination's or begin otherwise.
    private var old: [String] { names("strandline_old_", stage.keyColumns.count) }
    private var move: String { quoted(freeName("strandline_move", among: taken)) }
    private var isReplayed: String { quoted(freeName("strandline_replayed", among: taken)) }
    private var taken: [String] { stage.pairs.map(\.destination) }

    private func names(_ prefix: String, _ count: Int) -> [String] {
        (0..<count).map { quoted(freeName("\(prefix)\($0)", among: taken)) }
    }

    /// How an event gives a row another key.
    private enum Move {
        /// It tells the row before.
        static let told = 1
        /// It creates what the delete before it took away.
        static let split = 2
    }

    /// The condition that an event gives a row another key; nil where events leave no columns out, so that it does not
    /// matter, or do not tell the row before.
    var areNeeded: String? {
        guard !stage.partial.isEmpty, let changesKey = stage.changesKey else { return nil }
        return "\(changesKey) OR \(createsMoved)"
    }

    private var createsMoved: String { stage.log.reading.createsMoved(stage.partial.map(\.source)) }

    // MARK: The events

    /// The statement that puts in the events of a range.
    func fill(_ condition: DeltaStatement.Text, since truncated: ChangeStage.Truncation?) -> DeltaStatement.Text {
        let log = stage.log
        let events = stage.events(condition, since: truncated)
        let (sequence, index) = (quoted(log.cursor.column), log.index.map(quoted) ?? "0")
        let sources = stage.keyColumns.map(stage.source(of:))
        let (before, last) = (names("strandline_before_", sources.count), names("strandline_last_", sources.count))
        let told = quoted(freeName("strandline_told", among: taken))
        let split = quoted(freeName("strandline_split", among: taken))
        var inner = zip(stage.values, stage.columns).map { "\($0) AS \($1)" }
        inner += zip(sources, before).compactMap { source, name in
            log.reading.keyBefore(source).map { "\($0) AS \(name)" }
        }
        inner += zip(sources, last).map { "lag(\(log.reading.key($0))) OVER strandline_log AS \($1)" }
        inner.append("(\(stage.changesKey ?? "0")) AS \(told)")
        inner.append(
            "(\(createsMoved)) AND lag(\(log.reading.operation)) OVER strandline_log = \(ChangeLog.Operation.delete) "
                + "AND lag(\(sequence)) OVER strandline_log = \(sequence) AS \(split)")
        let olds = zip(before, last).map { "CASE WHEN \(told) THEN \($0) WHEN \(split) THEN \($1) END" }
        let kind = "CASE WHEN \(told) THEN \(Move.told) WHEN \(split) THEN \(Move.split) ELSE 0 END"
        let replayed = replayed
        return DeltaStatement.Text(
            sql: """
                INSERT INTO \(ChangeMoves.sql) (\((stage.columns + old + [move, isReplayed]).joined(separator: ", "))) \
                SELECT \((stage.columns + olds + [kind, replayed.sql]).joined(separator: ", ")) FROM \
                (SELECT \(inner.joined(separator: ", ")) \(events.sql) \
                WINDOW strandline_log AS (ORDER BY \(sequence), \(index))) AS e \
                ORDER BY \(stage.sequence), \(stage.index)
                """, parameters: replayed.parameters + events.parameters)
    }

    /// The condition that an event, called `e`, was applied by an earlier load.
    ///
    /// One that is read again because of a lookback may have come late: then nothing was applied to its key. Below a
    /// watermark that was set back nobody remembers; there, everything up to what was reached counts as applied.
    private var replayed: DeltaStatement.Text {
        let reached = upToReached
        guard let wasApplied, let held, held.reached ?? held.watermark.value == held.watermark.value else {
            return reached
        }
        return DeltaStatement.Text(
            sql: "(\(reached.sql)) AND \(wasApplied("e", stage.sequence))", parameters: reached.parameters)
    }

    /// The condition that an event lies at or below what was ever reached.
    private var upToReached: DeltaStatement.Text {
        guard let reached = held?.reached ?? held?.watermark.value else {
            return DeltaStatement.Text(sql: "0", parameters: [])
        }
        // After a rewind only the sequence that was reached is known.
        if reached == held?.watermark.value, stage.log.index != nil, let index = held?.watermark.key.first {
            return DeltaStatement.Text(
                sql: "(\(stage.sequence), \(stage.index)) <= (?, ?)", parameters: [reached.value, index.value])
        }
        return DeltaStatement.Text(sql: "\(stage.sequence) <= ?", parameters: [reached.value])
    }

    // MARK: The view

    /// The statements that make the view and what happens to a row that is inserted there.
    var create: [String] {
        let own = (old + [move, isReplayed]).map { "NULL AS \($0)" }.joined(separator: ", ")
        let trigger = "CREATE TEMP TRIGGER \(ChangeMoves.name)"
        let insert = "INSTEAD OF INSERT ON \(ChangeMoves.name) WHEN new.\(move)"
        let isDelete = "new.\(stage.operation) IS \(ChangeLog.Operation.delete)"
        return [
            """
            CREATE TEMP VIEW \(ChangeMoves.name) AS SELECT \(stage.columns.joined(separator: ", ")), \(own) \
            FROM \(ChangeStage.name)
            """,
            "\(trigger)_put \(insert) = 0 AND NOT \(isDelete) BEGIN \(put); END",
            "\(trigger)_delete \(insert) = 0 AND \(isDelete) BEGIN \(removed(keys)); END",
            "\(trigger)_move \(insert) <> 0 BEGIN \(moved); \(removed(old)); END",
        ]
    }

    private var keys: [String] { stage.keyColumns.map(quoted) }

    /// A row that keeps its key.
    private var put: String {
        let values = (stage.columns + keys).map { "new.\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO \(ChangeStage.name) (\((stage.columns + stage.origin).joined(separator: ", "))) \
            SELECT \(values) WHERE true \(stage.merge)
            """
    }

    /// A row goes, by the key in columns of the view. What was told of it stays beside it, for the row to move on with it.
    private func removed(_ key: [String]) -> String {
        let given = stage.partial.compactMap { stage.given($0.destination) }
        let columns = keys + [stage.sequence, stage.index, stage.operation] + stage.origin + given
        let list =
            (key + [stage.sequence, stage.index]).map { "new.\($0)" } + ["\(ChangeLog.Operation.delete)"]
            + key.map { "new.\($0)" } + given.map { _ in "0" }
        return """
            INSERT INTO \(ChangeStage.name) (\(columns.joined(separator: ", "))) SELECT \(list.joined(separator: ", ")) \
            WHERE true \(stage.mergeDelete)
            """
    }

    /// The row by its new key: what the event tells, else what is staged of the row by its old key, `o`, whose origin it
    /// takes over.
    ///
    /// Where the old row is not to be found, the log tells of a move that was applied before, or tells it twice: then
    /// the row that has the new key, `k` in the stage, is the one.
    private var moved: String {
        let isLost = """
            (o.\(stage.operation) IS NULL AND (EXISTS (SELECT 1 FROM \(ChangeStage.name) AS e WHERE \(same("e", "new", old))) \
            OR NOT \(isThere(old.map { "new.\($0)" }))))
            """
        let origin = zip(stage.origin, old).map { "ifnull(o.\($0), new.\($1))" }
        let isStaged = "EXISTS (SELECT 1 FROM \(ChangeStage.name) AS e WHERE \(same("e", "new", keys)))"
        // What was applied before has made the destination's row; events of this load may have swept it away since.
        let stays = """
            (\(isThere(keys.map { "new.\($0)" })) \
            AND (new.\(isReplayed) OR NOT \(isThere(origin)) AND NOT \(isStaged)))
            """
        let lost = quoted(freeName("strandline_lost", among: taken))
        var values: [String: String] = [:]
        for pair in stage.partial {
            guard let given = stage.given(pair.destination) else { continue }
            let column = quoted(pair.destination)
            values[column] = """
                CASE WHEN new.\(given) THEN new.\(column) WHEN o.\(given) THEN o.\(column) \
                WHEN \(lost) AND k.\(given) THEN k.\(column) END
                """
            values[given] = "ifnull(new.\(given) OR o.\(given) OR \(lost) AND k.\(given), 0)"
        }
        let origins = zip(stage.origin, zip(origin, keys)).map { column, other in
            "CASE WHEN \(lost) AND k.\(stage.operation) IS NOT NULL THEN k.\(column) "
                + "WHEN \(stays) THEN new.\(other.1) ELSE \(other.0) END"
        }
        let list = stage.columns.map { values[$0] ?? "new.\($0)" } + origins
        let columns = stage.columns + stage.origin
        let keySet = Set(keys)
        let changes = columns.filter { !keySet.contains($0) }.map { "\($0) = excluded.\($0)" }
        return """
            INSERT INTO \(ChangeStage.name) (\(columns.joined(separator: ", "))) SELECT \(list.joined(separator: ", ")) \
            FROM (SELECT o.*, \(isLost) AS \(lost) FROM (SELECT 1) LEFT JOIN \(ChangeStage.name) AS o \
            ON \(same("o", "new", old)) \
            AND (o.\(stage.operation) = \(ChangeLog.Operation.put) OR new.\(move) = \(Move.split))) AS o \
            LEFT JOIN \(ChangeStage.name) AS k ON \(same("k", "new", keys)) \
            AND k.\(stage.operation) = \(ChangeLog.Operation.put) WHERE true \
            ON CONFLICT (\(stage.keyList)) DO UPDATE SET \(changes.joined(separator: ", ")) WHERE \(stage.isNewer)
            """
    }

    private func same(_ row: String, _ other: String, _ columns: [String]) -> String {
        zip(keys, columns).map { "\(row).\($0) = \(other).\($1)" }.joined(separator: " AND ")
    }

    /// The condition that the destination has a row by a key, one that is not marked as gone.
    private func isThere(_ values: [String]) -> String {
        let table = stage.table
        let isMarked = DeleteWrite(table).isMarked("d").map { " AND NOT \($0)" } ?? ""
        let same = zip(keys, values).map { "d.\($0) = \($1)" }.joined(separator: " AND ")
        return "EXISTS (SELECT 1 FROM \(table.sql) AS d WHERE \(same)\(isMarked))"
    }
}
