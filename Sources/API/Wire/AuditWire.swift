internal import Model
internal import Platform

extension Audit {
    /// The audit as answers show it; what it found is null until it has succeeded.
    var wire: JSONValue {
        let found: [JSONValue.Member] = result?.members ?? Audit.nothingFound
        return .object(
            [
                .init("id", .string(id)), .init("pipeline", .string(pipeline)), .init("step", .string(step)),
                .init("kind", .string(options.kind.rawValue)), .init("state", .string(state.rawValue)),
                .init("options", options.wire),
                .init("created_at", .string(createdAt.rfc3339)), .init("started_at", JSONValue(startedAt?.rfc3339)),
                .init("finished_at", JSONValue(finishedAt?.rfc3339)),
                .init("rolled_back_at", JSONValue(rolledBackAt?.rfc3339)),
                .init("duration_seconds", JSONValue(from: startedAt, to: finishedAt)),
                .init("error", error?.wire ?? .null),
            ] + found)
    }

    private static let nothingFound: [JSONValue.Member] =
        [
            "watermark", "verified_through", "source_rows", "destination_rows", "missing", "extra", "different",
            "identical", "pending", "excluded", "differences_kept",
        ].map { .init($0, .null) }
        + ["sums", "partitions", "samples"].map { .init($0, .array([])) } + [
            .init("healed", .null), .init("warnings", .array([])),
        ]

    /// Where the audit is found.
    var location: (name: String, value: String) { ("Location", "/v1/audits/\(id)") }
}

extension AuditDifference {
    /// The difference as answers show it.
    var wire: JSONValue {
        .object(["number": .integer(Int64(number)), "kind": .string(kind.rawValue), "key": key, "columns": columns])
    }
}

extension AuditOptions {
    /// What was asked for, as it could be asked for again.
    fileprivate var wire: JSONValue {
        .object([
            "interval": interval?.json ?? .null, "heal": .bool(heal), "delete_extra": .bool(deleteExtra),
            "allow_shrink": .bool(allowShrink),
        ])
    }
}
