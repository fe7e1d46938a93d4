internal import Model
internal import Platform

/// `strandline backfill`.
struct BackfillCommand: Command {
    static let form = CommandForm(
        name: "backfill", summary: "Load a range of event time again, partition by partition, beside live loads.",
        details: """
            The range begins at --start and ends before --end: for March, 2024-03-01 and 2024-04-01. Partitions
            that an earlier backfill has loaded are left out; --reprocess completed loads them again. The
            watermark stays where it is. `strandline backfills` shows, holds, ends and retries backfills, and
            `strandline rollback` puts back what one has changed. With --wait the exit code is 0 when all
            partitions succeeded, and 1 when not.
            """,
        operands: [Operand(name: "PIPELINE")],
        options: [
            .value("start", "PLACE", "Where the range begins: a date, a time, or a number of a column that counts."),
            .value("end", "PLACE", "Where it ends; that place is not loaded."),
            .value(
                "range", "gaps", "Load what the ledger shows to be missing; then --start and --end may be left out."),
            .value("step", "STEP", "The step; needed where the pipeline has several."),
            .value("column", "COLUMN", "What rows are sliced by; usually the step's own."),
            .value("format", "FORMAT", "How the column's times are written: \(words(CursorFormat.self))."),
            .value(
                "interval", "WIDTH",
                "How wide a partition is: hour, day, week, month or year, or how many numbers; usually the step's own."),
            .value("timezone", "ZONE", "The time zone whose days are meant; usually the step's own."),
            .value(
                "parallelism", "N",
                "The most partitions in hand at once: several gain where the source is a query that takes long.",
                usual: "1"),
            .value("order", "ORDER", "Which partitions come first: asc or desc.", usual: "asc"),
            .value(
                "reprocess", "WHICH",
                "Load partitions again that were tried before: none, failed or completed (all).", usual: "none"),
            .value("max-partitions", "N", "Refuse a range of more partitions.", usual: "1000"),
            .value("max-rows-per-partition", "N", "Refuse a range with a larger partition."),
            .value(
                "mode", "MODE",
                "Where the rows go: direct, or staged: beside the table until `strandline backfills publish`.",
                usual: "direct"),
            .flag("auto-publish", "With --mode staged: publish by itself what reconciles with the source."),
            .flag(
                "allow-shrink",
                "Let a partition remove more rows than max_shrink allows, or rows that other steps have loaded."),
            .flag("hold-downstream", "Let the pipelines that run after this one wait for the end."),
            .value("reason", "TEXT", "Why."),
            .flag("dry-run", "Show what it would load, and change nothing."),
            .flag("wait", "Wait until it has ended."),
        ] + ServerClient.options)

    private static func words<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> String
    where Word.RawValue == String {
        Word.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private let waits: Bool
    private let isTrial: Bool
    private let isJSON: Bool
    private let body: JSONValue
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        waits = arguments.flag("wait")
        isTrial = arguments.flag("dry-run")
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
        var members: [JSONValue.Member] = [.init("pipeline", .string(arguments.operand(0) ?? ""))]
        for key in ["start", "end"] where arguments.value(key) == nil && arguments.value("range") == nil {
            problems.append("--\(key) is missing; write --start 2024-03-01 --end 2024-04-01 for March")
        }
        // Numbers stay numbers where they may: a place of a column that counts, and how many of them make a partition.
        for key in ["start", "end", "interval"] {
            guard let text = arguments.text(key) else { continue }
            members.append(.init(key, Int64(text).map { .integer($0) } ?? .string(text)))
        }
        _ = arguments.word("range", of: ["gaps"], usual: "", &problems)
        for key in ["range", "step", "column", "format", "timezone", "order", "reprocess", "mode", "reason"] {
            guard let text = arguments.text(key) else { continue }
            members.append(.init(key, .string(text)))
        }
        let bounds = [
            ("parallelism", Limits.backfillLanes), ("max-partitions", Limits.backfillPartitions),
            ("max-rows-per-partition", Int(Int32.max)),
        ]
        for (option, most) in bounds where arguments.value(option) != nil {
            let number = arguments.whole(option, in: 1...most, usual: 1, &problems)
            members.append(.init(option.replacing("-", with: "_"), .integer(Int64(number))))
        }
        _ = arguments.word("order", of: PartitionOrder.allCases.map(\.rawValue), usual: "", &problems)
        _ = arguments.word("reprocess", of: Reprocess.allCases.map(\.rawValue), usual: "", &problems)
        _ = arguments.word("format", of: CursorFormat.allCases.map(\.rawValue), usual: "", &problems)
        _ = arguments.word("mode", of: BackfillMode.allCases.map(\.rawValue), usual: "", &problems)
        if arguments.flag("auto-publish") { members.append(.init("auto_publish", true)) }
        if arguments.flag("allow-shrink") { members.append(.init("allow_shrink", true)) }
        if arguments.flag("hold-downstream") { members.append(.init("hold_downstream", true)) }
        body = .object(members)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        guard !isTrial else {
            let preview = try client.send("POST", "/v1/backfills?dry_run=true", body: body).json
            terminal.line(isJSON ? preview.text(pretty: true) : BackfillText.preview(preview))
            return .success
        }
        var backfill = try client.start("/v1/backfills", body: body, terminal)
        guard waits else {
            let id = backfill["id"]?.string ?? ""
            terminal.line(
                isJSON
                    ? backfill.text(pretty: true)
                    : "backfill \(id) \(backfill["state"]?.string ?? ""); see: strandline backfills \(id)")
            return .success
        }
        backfill = try BackfillWatch(client: client, terminal: terminal, showsProgress: !isJSON).end(of: backfill)
        terminal.line(isJSON ? backfill.text(pretty: true) : BackfillText.whole(backfill))
        return BackfillText.isDone(backfill) ? .success : .failure
    }
}
