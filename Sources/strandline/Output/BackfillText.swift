internal import Model

/// Backfills as people read them, from the server's answers.
enum BackfillText {
    /// One backfill: what it is, how far it has come, what it did, and which partitions failed among `partitions`.
    static func whole(_ backfill: JSONValue, failed: [JSONValue] = []) -> String {
        let state = backfill["state"]?.string ?? ""
        var first = "backfill \(backfill["id"]?.string ?? "") of \(name(backfill)) over \(range(backfill)): \(state)"
        if let seconds = backfill["duration_seconds"]?.double { first += " in \(HumanText.seconds(seconds))" }
        var lines = [Terminal.safe(first)]
        if let reason = backfill["reason"]?.string, !reason.isEmpty { lines.append("reason: " + Terminal.safe(reason)) }
        if let state = BackfillState(rawValue: state), !state.isFinal { lines.append(pace(backfill)) }
        var table = Table(
            "PARTITIONS>", "SUCCESS>", "FAILED>", "CANCELLED>", "SKIPPED>", "READ>", "INSERTED>", "UPDATED>",
            "UNCHANGED>", "DELETED>")
        let counts = backfill["partitions"] ?? .null
        table.add(
            count(counts, "total"), count(counts, "success"), count(counts, "failed"), count(counts, "cancelled"),
            count(backfill, "skipped"), count(backfill, "rows_read"), count(backfill, "rows_inserted"),
            count(backfill, "rows_updated"), count(backfill, "rows_unchanged"), count(backfill, "rows_deleted"))
        lines.append(table.text)
        if let found = reconciliation(backfill) { lines.append(found) }
        if state == BackfillState.awaitingPublish.rawValue {
            lines.append(Terminal.safe("to publish: strandline backfills publish \(backfill["id"]?.string ?? "")"))
        }
        for warning in backfill["warnings"]?.array ?? [] {
            lines.append(Terminal.safe("warning: \(warning["message"]?.string ?? "")"))
        }
        for partition in failed {
            let message = RunText.message(partition["error"]) ?? ""
            lines.append(
                Terminal.safe("partition \(partition["number"]?.integer ?? 0) \(range(partition)): \(message)"))
        }
        if let error = RunText.message(backfill["error"]) { lines.append(Terminal.safe(error)) }
        return lines.joined(separator: "\n")
    }

    /// Whether a backfill has come to its end in success, or as far as it goes without a person.
    static func isDone(_ backfill: JSONValue) -> Bool {
        let state = BackfillState(rawValue: backfill["state"]?.string ?? "")
        return state == .success || state == .awaitingPublish && backfill["error"] == .null
    }

    /// What publishing a backfill did, or would do.
    static func published(_ answer: JSONValue) -> String {
        let rows = answer["publish"] ?? .null
        let isTrial = answer["dry_run"] == true
        var lines = [
            "backfill \(answer["backfill"]?["id"]?.string ?? "") \(isTrial ? "would publish" : "published"): "
                + "\(count(rows, "rows_inserted")) rows inserted, \(count(rows, "rows_updated")) updated, "
                + "\(count(rows, "rows_unchanged")) unchanged, \(count(rows, "rows_deleted")) deleted"
        ]
        for warning in rows["warnings"]?.array ?? [] { lines.append("warning: \(warning["message"]?.string ?? "")") }
        return lines.map(Terminal.safe).joined(separator: "\n")
    }

    /// How what was staged compares with the source; nil where nothing was.
    private static func reconciliation(_ backfill: JSONValue) -> String? {
        guard let found = backfill["reconciliation"], found != .null else { return nil }
        let rows = "\(count(found, "source_rows")) rows in the source, \(count(found, "shadow_rows")) staged"
        let keys = "\(count(found, "missing")) keys missing, \(count(found, "extra")) too many"
        guard found["reconciled"] != true else { return "reconciled with the source: \(rows)" }
        return "NOT reconciled in \(count(found, "partitions_unreconciled")) partitions: \(rows), \(keys)"
    }

    /// Backfills, one a line.
    static func table(_ backfills: [JSONValue]) -> String {
        var table = Table("BACKFILL", "STEP", "RANGE", "STATE", "DONE>", "FAILED>", "WRITTEN>", "CREATED")
        for backfill in backfills {
            let counts = backfill["partitions"] ?? .null
            table.add(
                backfill["id"]?.string ?? "", name(backfill), range(backfill), backfill["state"]?.string ?? "",
                "\(count(counts, "success"))/\(count(counts, "total"))", count(counts, "failed"),
                count(backfill, "rows_written"), HumanText.time(backfill["created_at"]?.string))
        }
        return table.text
    }

    /// How far a backfill has come: partitions, rows, rows in a second and the time left.
    static func pace(_ backfill: JSONValue) -> String {
        let counts = backfill["partitions"] ?? .null
        let done = (counts["success"]?.integer ?? 0) + (counts["failed"]?.integer ?? 0)
        var parts = [
            "\(HumanText.count(done))/\(count(counts, "total")) partitions", "\(count(backfill, "rows_read")) rows",
        ]
        if let rate = backfill["rows_per_second"]?.double {
            parts.append("\(HumanText.count(Int64(min(rate, 1e15)))) rows/s")
        }
        if let left = backfill["eta_seconds"]?.double { parts.append("\(HumanText.seconds(left)) left") }
        return parts.joined(separator: ", ")
    }

    /// What a backfill would do.
    static func preview(_ preview: JSONValue) -> String {
        let count = preview["partition_count"]?.integer ?? 0
        let skipped = preview["skipped"]?.integer ?? 0
        var lines = [
            "a backfill of \(name(preview)) over \(range(preview)) by \(preview["column"]?.string ?? "") would load "
                + "\(HumanText.count(count)) partition\(count == 1 ? "" : "s")"
                + (skipped > 0 ? "; \(HumanText.count(skipped)) were loaded before (--reprocess)" : "")
        ]
        var table = Table("PARTITION", "SOURCE>", "DESTINATION>", "BYTES>")
        let shown = preview["partitions"]?.array ?? []
        for partition in shown.prefix(10) { add(partition, range(partition), to: &table) }
        if count > 10 { table.add("...", "", "", "") }
        if count > 10, let last = preview["last"] { add(last, range(last), to: &table) }
        add(preview, "all", to: &table)
        lines.append(table.text)
        let basis = preview["seconds_basis"]?.string ?? ""
        let time = preview["seconds_expected"]?.double
        lines.append(time.map { "about \(HumanText.seconds($0)): \(basis)" } ?? "time not known: \(basis)")
        lines += notes(preview)
        return lines.map { $0.split(separator: "\n").map { Terminal.safe(String($0)) }.joined(separator: "\n") }
            .joined(separator: "\n")
    }

    private static func notes(_ preview: JSONValue) -> [String] {
        var notes: [String] = []
        let unplaced = preview["unplaced"]
        let null = unplaced?["null"]?.integer ?? 0
        let unordered = unplaced?["unordered"]?.integer ?? 0
        if null + unordered > 0 {
            let sample = unplaced?["sample"].flatMap { $0 == .null ? nil : ", such as " + $0.text() } ?? ""
            notes.append(
                "no partition holds \(HumanText.count(null)) rows without a value and \(HumanText.count(unordered)) with "
                    + "one that has no place\(sample)")
        }
        if let undo = preview["undo"], undo != .null {
            let bytes = undo["bytes"]?.integer.map { ", about \(HumanText.count($0)) bytes" } ?? ""
            notes.append(
                "for a rollback at most \(count(undo, "rows")) old and new rows are kept\(bytes), for "
                    + "\(undo["keep"]?.string ?? "")")
        }
        for table in preview["full_scans"]?.array ?? [] {
            notes.append("each partition reads \(table.string ?? "") in full")
        }
        for (key, side) in [("source_indexes", "source"), ("destination_indexes", "destination")] {
            for index in preview[key]?.array ?? [] {
                notes.append("in the \(side), this would help: \(index.string ?? "")")
            }
        }
        let held = (preview["held_back"]?.array ?? []).compactMap(\.string)
        if !held.isEmpty { notes.append("held back until its end: \(held.joined(separator: ", "))") }
        for warning in preview["warnings"]?.array ?? [] { notes.append("warning: \(warning["message"]?.string ?? "")") }
        return notes
    }

    private static func add(_ part: JSONValue, _ name: String, to table: inout Table) {
        table.add(
            name, count(part, "rows_expected"), count(part, "destination_rows"), count(part, "bytes_expected"))
    }

    private static func name(_ value: JSONValue) -> String {
        "\(value["pipeline"]?.string ?? "")/\(value["step"]?.string ?? "")"
    }

    private static func range(_ value: JSONValue) -> String {
        "[\(HumanText.cursor(value["start"])), \(HumanText.cursor(value["end"])))"
    }

    private static func count(_ object: JSONValue, _ key: String) -> String { HumanText.count(object[key]?.integer) }
}
