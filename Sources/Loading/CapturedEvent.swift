internal import Model
internal import SQLite

/// The last change of a captured table that a step has applied, as the source's log told of it then.
///
/// A source that was put back to a copy gives its numbers anew. Once it has passed the ones that were applied, only what
/// the log tells of that number shows that it is another change.
struct CapturedEvent: Equatable {
    var sequence: Int64
    var mark: String

    /// Refuses a log whose change of that number is another one.
    func refuseOther(
        in capture: CaptureRegistry.Entry, _ definition: CaptureDefinition, _ registry: CaptureRegistry,
        reader: CaptureReader
    ) throws(LoadStop) {
        let isSame: Bool
        if sequence > capture.floor {
            isSame = try registry.mark(of: sequence, definition) == mark
        } else {
            // It was trimmed once this step, too, had applied it; a copy of before then knows the step at a lower number,
            // and keeps the log from there on, or does not know it at all.
            isSame = try registry.consumers(capture).contains { $0.name == reader.name }
        }
        guard !isSame else { return }
        throw .failure(
            Failure(
                .conflict,
                "change \(sequence) of \(capture.table), which was applied, is not in its log any more: its file was put "
                    + "back to an earlier state, or the consumer was forgotten",
                hint: "run once with full_refresh, which reads the table itself"))
    }
}

extension LoadSession {
    /// Remembers what the log of a captured table tells of the last change that is applied; what it does not hold any
    /// more cannot be known again.
    func noteApplied(_ sequence: Int64, of definition: CaptureDefinition) throws(LoadStop) {
        let registry = CaptureRegistry(connection: connection, schema: sourceSchema)
        let mark = try registry.mark(of: sequence, definition)
        try ledger.write(
            mark.map { CapturedEvent(sequence: sequence, mark: $0) }, request.pipeline, request.step.name)
    }

    /// The last change of its captured source that the step has applied; nil where none is known.
    func lastApplied() throws(LoadStop) -> CapturedEvent? {
        guard hasDestination, try ledger.exists() else { return nil }
        return try ledger.capturedEvent(request.pipeline, request.step.name)
    }
}
