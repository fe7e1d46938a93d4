internal import Model
internal import Platform

extension Ledger {
    /// What is loaded and what is not, of a step whose cursor is `column`.
    func wire(_ pipeline: String, _ step: String, _ column: String?) -> JSONValue {
        .object([
            "pipeline": .string(pipeline), "step": .string(step), "column": JSONValue(column),
            "through": through?.json ?? .null,
            "gaps": .array(gaps.map { .object(["start": $0.start?.json ?? .null, "end": $0.end.json]) }),
            "intervals": .array(intervals.map(\.wire)), "intervals_omitted": .integer(Int64(intervalsOmitted)),
            "overlaps": .array(overlaps.map(\.wire)), "overlaps_omitted": .integer(Int64(overlapsOmitted)),
        ])
    }
}

extension Ledger.Entry {
    fileprivate var wire: JSONValue {
        .object([
            "start": start?.json ?? .null, "end": end.json, "origin": .string(origin.rawValue),
            "first": .string(first), "last": .string(last), "loads": .integer(Int64(loads)),
            "loaded_at": .string(loadedAt.rfc3339),
        ])
    }
}

extension PartitionBound.Place {
    fileprivate var json: JSONValue { PartitionBound(self).json }
}
