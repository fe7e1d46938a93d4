internal import Platform

/// The decision table: which strategy fits what a table looks like.
///
/// Pure: facts in, advice out. What it recommends must load the table right; what is only faster comes second.
public struct AdviceRules: Sendable {
    private let facts: TableFacts
    private let place: AdvicePlace
    private let notes: [String]

    /// Takes what is known of a table and where it is to be loaded; `notes` are told with the advice.
    public init(_ facts: TableFacts, to place: AdvicePlace, notes: [String] = []) {
        self.facts = facts
        self.place = place
        self.notes = notes
    }

    /// The advice.
    public func advice() -> Advice {
        let choice = choice()
        var advice = Advice(
            facts: facts, strategy: choice.strategy, reasons: choice.reasons, alternatives: alternatives(to: choice),
            suggestedIndexes: [choice.cursor?.missingIndex].compactMap { $0 }, notes: notes + choice.notes,
            document: document(choice))
        if let events, events.key.isEmpty, facts.changeLog == nil {
            advice.notes.append(
                "its rows look like change events, but no one column names the row that each is about; where several do, "
                    + "`strategy: cdc` with them as primary_key would apply the events")
        }
        if choice.strategy != .cdc, facts.keyOrigin == .found, !facts.key.isEmpty {
            advice.notes.append(
                "no two rows share \(names(facts.key)) today, but the table does not declare it: a unique index on it "
                    + "would keep it so")
        }
        return advice
    }

    /// A strategy with what it goes by.
    private struct Choice {
        var strategy: Strategy
        var cursor: CursorFacts?
        var reasons: [String]
        var notes: [String] = []
    }

    // MARK: The choice

    private func choice() -> Choice {
        if let log = facts.changeLog, hasKey { return cdc(log) }
        if let events, !events.key.isEmpty { return cdc(events) }
        if facts.rows < Limits.refreshedRows { return refresh("a table this small is rebuilt in no time") }
        if isAppendOnly {
            if let number = numbers.first(where: { $0.isUnique && $0.nulls == 0 && $0.nullsAreExact }) {
                return sequence(number)
            }
            if let time = times.first(where: { $0.role == .created && $0.rises != false }) ?? update, hasKey {
                return timestamp(time, "rows are only ever added, and \(time.column) says when")
            }
        }
        if hasKey, let update { return timestamp(update, updateReason(update)) }
        if hasKey, let version = facts.cursors.first(where: { $0.role == .version && $0.isUnique && isNumber($0) }) {
            return sequence(version)
        }
        return hasKey ? snapshotDiff(whyNothingTells) : refresh(whyNothingTells)
    }

    /// What names a row of what is loaded.
    private var key: [String] {
        if facts.changeLog == nil, let events, !events.key.isEmpty { return events.key }
        return facts.key
    }

    private var events: EventFacts? { facts.events }
    private var hasKey: Bool { !key.isEmpty }

    /// Whether rows are never changed once they are there, as far as the schema says.
    private var isAppendOnly: Bool { facts.refusal != nil || ColumnWords(facts.table).saysLog && update == nil }

    /// The columns of times that every row can be ordered by, the best first.
    private var times: [CursorFacts] {
        facts.cursors.filter { cursor in
            if case .time = cursor.content { cursor.unreadable == 0 } else { false }
        }.sorted { rank($0) < rank($1) }
    }

    /// The column that says when a row last changed.
    private var update: CursorFacts? { times.first { $0.trigger != nil || $0.role == .updated } }

    private var numbers: [CursorFacts] { facts.cursors.filter { $0.role == .number && isNumber($0) } }

    private func isNumber(_ cursor: CursorFacts) -> Bool { cursor.content == .numbers && cursor.unreadable == 0 }

    /// A trigger's word counts more than a name's, and values in every row more than an index.
    private func rank(_ cursor: CursorFacts) -> Int {
        (cursor.trigger == nil ? 4 : 0) + (cursor.nulls == 0 ? 0 : 2) + (cursor.missingIndex == nil ? 0 : 1)
    }

    private func refresh(_ reason: String) -> Choice {
        var reasons = [
            "\(size): \(reason)", "a rebuild follows every change and every delete, whatever its columns say",
        ]
        var notes: [String] = []
        if !hasKey { reasons.append("no column names a row, and a rebuild needs none to") }
        if facts.rows >= Limits.refreshedRows {
            notes.append(
                "each run reads and writes all of \(size); a column that a trigger sets on every change would let it "
                    + "load only what changed")
        }
        return Choice(strategy: .fullRefresh, reasons: reasons, notes: notes)
    }

    private func cdc(_ log: String) -> Choice {
        Choice(
            strategy: .cdc,
            reasons: [
                "\(log) records every change of the table, so a run reads only those",
                "it tells deletes and changed keys too, whatever the table's columns say",
                "\(names(key)) names a row",
            ])
    }

    private func cdc(_ events: EventFacts) -> Choice {
        let looked = events.examined < facts.rows ? "each of the first \(events.examined) rows" : "each row"
        var reasons: [String] = []
        if let operation = events.operation {
            reasons.append("\(looked) tells in \(operation) what happened to a row of another table")
        } else {
            reasons.append("\(looked) is an event of Debezium, with `op` and the row before or after it")
        }
        if let sequence = events.sequence { reasons.append("\(sequence) says in what order that happened") }
        reasons.append("\(names(events.key)) names the row")
        return Choice(
            strategy: .cdc, reasons: reasons,
            notes: [
                "the destination holds the rows that the events come to; to keep the events themselves, load them with "
                    + "`strategy: sequence`"
            ])
    }

    private func snapshotDiff(_ reason: String) -> Choice {
        Choice(
            strategy: .snapshotDiff,
            reasons: [
                "\(size): \(reason)", "a comparison finds every change and every delete, and writes only those",
                "\(names(key)) names a row",
            ],
            notes: [
                "each run reads all of \(size) on both sides; a column that a trigger sets on every change would let it "
                    + "read only what changed",
                "`strategy: cdc` would read only what changed, once `strandline capture install \(place.source) "
                    + "\(facts.table)` has made triggers in the source record it",
            ])
    }

    private func sequence(_ number: CursorFacts) -> Choice {
        var reasons = ["\(size): reading only what is new saves the most"]
        if let refusal = facts.refusal {
            reasons.append("trigger \(refusal) refuses changes, so rows are only ever added")
        } else if number.role == .version {
            reasons.append("\(number.column) is unique and counts changes, so a changed row lies above the watermark")
        } else {
            reasons.append("the name \(facts.table) says that rows are only ever added")
        }
        reasons.append("\(number.column) is a whole number that no two rows share, and new rows get higher ones")
        var notes = ["rows deleted in the source stay in the destination"]
        if facts.refusal == nil, number.role == .number {
            notes.append(
                "a row that is changed after it was added is not loaded again; if that happens, use full_refresh")
        }
        return Choice(strategy: .sequence, cursor: number, reasons: reasons, notes: notes)
    }

    private func updateReason(_ update: CursorFacts) -> String {
        if let trigger = update.trigger { return "trigger \(trigger) sets \(update.column) whenever a row changes" }
        return "\(update.column) says by its name when a row last changed"
    }

    private func timestamp(_ time: CursorFacts, _ reason: String) -> Choice {
        var reasons = ["\(size): reading only what changed saves the most", reason, reading(time)]
        if hasKey { reasons.append("\(names(key)) names a row, so a changed row replaces its old self") }
        var notes: [String] = []
        if time.trigger == nil, time.role == .updated {
            notes.append("whoever changes a row must set \(time.column) too; an audit shows where that was forgotten")
        }
        if let column = facts.softDelete {
            notes.append(
                "\(column) marks deleted rows; it is loaded like any column, when \(time.column) moves with it")
        }
        notes.append(
            hasKey && !isAppendOnly
                ? "each run looks for deleted rows by their keys; where rows are never deleted, remove detect_deletes"
                : "rows deleted in the source stay in the destination")
        if time.nulls > 0 || !time.nullsAreExact {
            notes.append(
                (time.nullsAreExact ? "\(time.nulls) rows have" : "rows may have")
                    + " no \(time.column): every run loads those")
        }
        if time.hasMixedOffsets { notes.append("\(time.column) has different UTC offsets; it is ordered as instants") }
        if time.future > 0 {
            notes.append(
                "\(time.future) values of \(time.column) lie ahead of the clock: those rows are loaded "
                    + "by every run until their time has come")
        }
        return Choice(strategy: .timestamp, cursor: time, reasons: reasons, notes: notes)
    }

    private func reading(_ time: CursorFacts) -> String {
        guard case .time(let format) = time.content else { return "\(time.column) holds times" }
        let words = format == .iso8601 ? "an ISO 8601 time" : "a number of the format \(format.rawValue)"
        let looked = facts.rowsExamined < facts.rows ? "of the \(facts.rowsExamined) rows looked at" : "of it"
        return "every value \(looked) reads as \(words)"
    }

    private var whyNothingTells: String {
        if let update, !hasKey { return "\(update.column) tells what changed, but no column says which row it is" }
        if let broken = facts.cursors.first(where: { $0.role == .updated && $0.content != .none }) {
            return "\(broken.column) cannot order changes: \(fault(of: broken))"
        }
        return "no column tells which rows changed"
    }

    private func fault(of cursor: CursorFacts) -> String {
        if cursor.unreadable > 0 {
            let sample = cursor.sample.map { ", such as \($0.display)" } ?? ""
            return "\(cursor.unreadable) of its values do not read like the others\(sample)"
        }
        return cursor.content == .numbers ? "its numbers are no times of one unit" : "its values have no one order"
    }

    private var size: String {
        let about = facts.isEstimate ? "about " : ""
        return "\(about)\(facts.rows) \(facts.rows == 1 ? "row" : "rows")"
    }

    private func names(_ columns: [String]) -> String { columns.joined(separator: ", ") }

    // MARK: The others

    private func alternatives(to choice: Choice) -> [Advice.Alternative] {
        var found: [Advice.Alternative] = []
        if choice.strategy != .timestamp { found.append(whyNotTimestamp) }
        if choice.strategy != .sequence { found.append(whyNotSequence) }
        if choice.strategy != .cdc {
            found.append(
                Advice.Alternative(
                    strategy: .cdc,
                    reason: "the table does not record its changes; `strandline capture install` would make it, with "
                        + "triggers in the source"))
        }
        if choice.strategy != .snapshotDiff { found.append(whyNotSnapshotDiff(choice)) }
        if choice.strategy != .fullRefresh {
            found.append(
                Advice.Alternative(
                    strategy: .fullRefresh,
                    reason: "it follows deletes too, but reads and writes all of \(size) in every run"))
        }
        return found
    }

    private func whyNotSnapshotDiff(_ choice: Choice) -> Advice.Alternative {
        let reason: String
        if !hasKey {
            reason = "no column names a row, so rows cannot be told apart"
        } else if choice.strategy == .fullRefresh {
            reason = "it follows every change and writes only what differs, which a table this small does not need"
        } else {
            reason = "it finds every change and delete, but reads all of \(size) on both sides in every run"
        }
        return Advice.Alternative(strategy: .snapshotDiff, reason: reason)
    }

    private var whyNotTimestamp: Advice.Alternative {
        if let update {
            let reason =
                hasKey
                ? "\(update.column) would do, but a delete leaves no trace in it, and who forgets to set it is not noticed"
                : "\(update.column) would do, but without a key a changed row cannot replace its old self"
            return Advice.Alternative(strategy: .timestamp, cursor: update.column, reason: reason)
        }
        if let broken = facts.cursors.first(where: { $0.role == .updated && $0.content != .none }) {
            return Advice.Alternative(strategy: .timestamp, cursor: broken.column, reason: fault(of: broken))
        }
        if let created = times.first(where: { $0.role == .created }) {
            return Advice.Alternative(
                strategy: .timestamp, cursor: created.column,
                reason:
                    "\(created.column) says when a row was added, not when it changed: right only if rows never change")
        }
        return Advice.Alternative(strategy: .timestamp, reason: "no column says when a row last changed")
    }

    private var whyNotSequence: Advice.Alternative {
        if let number = numbers.first {
            return Advice.Alternative(
                strategy: .sequence, cursor: number.column,
                reason: "\(number.column) stays the same when a row changes: right only if rows are only ever added")
        }
        return Advice.Alternative(strategy: .sequence, reason: "no unique whole number rises with each change")
    }

    // MARK: The document

    private func document(_ choice: Choice) -> JSONValue {
        var step: [JSONValue.Member] = [
            .init("name", .string(place.pipeline)),
            .init("source", .object(["connection": .string(place.source), "table": .string(facts.table)])),
            .init("destination", .object(["connection": .string(place.destination), "table": .string(place.table)])),
            .init("strategy", .string(choice.strategy.rawValue)),
        ]
        if let cursor = choice.cursor { step.append(.init("cursor", json(cursor, choice.strategy))) }
        if hasKey { step.append(.init("primary_key", .array(key.map(JSONValue.string)))) }
        if choice.strategy == .cdc, facts.changeLog == nil, let events {
            if let sequence = events.sequence { step.append(.init("cursor", .string(sequence))) }
            step.append(.init("change_log", events.document))
        }
        // A timestamp tells nothing of rows that are gone.
        if choice.strategy == .timestamp, hasKey, !isAppendOnly { step.append(.init("detect_deletes", "keys")) }
        return .object([
            "name": .string(place.pipeline), "description": .string("\(facts.table) of \(place.source)"),
            "steps": .array([.object(step)]),
        ])
    }

    private func json(_ cursor: CursorFacts, _ strategy: Strategy) -> JSONValue {
        var members: [JSONValue.Member] = [.init("column", .string(cursor.column))]
        if strategy == .timestamp, case .time(let format) = cursor.content, format != .iso8601 {
            members.append(.init("format", .string(format.rawValue)))
        }
        if cursor.nulls > 0 || !cursor.nullsAreExact { members.append(.init("on_missing", "include")) }
        return members.count == 1 ? .string(cursor.column) : .object(members)
    }
}
