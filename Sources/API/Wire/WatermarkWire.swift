internal import Model
internal import Platform

extension Watermark {
    /// The watermark as answers show it; in a history, one without a value is a removal.
    var wire: JSONValue {
        .object([
            "pipeline": .string(pipeline), "step": .string(step), "cursor": .string(cursor),
            "value": value?.json ?? .null, "updated_at": .string(updatedAt.rfc3339), "run": JSONValue(run),
            "reason": JSONValue(reason), "version": .integer(Int64(version)),
        ])
    }

    /// The watermark with how far an audit has verified the rows below it; nulls where none has.
    func wire(_ verification: Verification?) -> JSONValue {
        guard case .object(let members) = wire else { return wire }
        return .object(
            members + [
                .init("verified_through", verification?.through?.json ?? .null),
                .init("verified_at", JSONValue(verification?.at.rfc3339)),
            ])
    }

    /// The tag that a change may ask for.
    var tag: EntityTag { EntityTag(version: version) }
}

extension WatermarkPreview {
    /// What a change of a step's watermark would do.
    func wire(_ pipeline: String, _ step: String) -> JSONValue {
        .object([
            "pipeline": .string(pipeline), "step": .string(step), "current": current?.json ?? .null,
            "proposed": proposed?.json ?? .null, "rows_to_read": .integer(Int64(rowsToRead)),
            "rows_skipped": .integer(Int64(rowsSkipped)),
        ])
    }
}
