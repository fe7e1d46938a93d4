internal import Model
internal import SQLite

extension IncrementalLoad {
    /// Refuses a sequence of whole numbers that are texts and differ in length: as texts '10' comes before '9', so that
    /// rows would be passed over.
    ///
    /// An index would hide such rows below the watermark, so all are looked through, but only where the watermark, or
    /// else any row, shows that the numbers are texts.
    func refuseNumbersAsTexts(_ held: DestinationLedger.Held?, _ delta: DeltaStatement) throws(LoadStop) {
        guard session.order == .plain else { return }
        let (column, from) = (quoted(delta.cursor), "FROM \(delta.relation.sql)")
        var known = held?.watermark.value
        if known == nil { known = try session.value("SELECT \(column) \(from) WHERE \(column) IS NOT NULL LIMIT 1") }
        guard case .text(let digits)? = known, !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) else {
            return
        }
        let other = try session.value(
            """
            SELECT \(column) \(from) WHERE typeof(\(column)) = 'text' AND length(\(column)) <> ? AND \(column) <> '' \
            AND \(column) NOT GLOB '*[^0-9]*' LIMIT 1
            """, [Value(digits.count)])
        guard let other else { return }
        let name = delta.cursor
        throw .failure(
            Failure(
                .cursorFormat,
                "the sequence \(name) holds numbers as texts of different lengths ('\(CursorValue.text(digits).display)' "
                    + "and '\(other.display)'), which as texts are not in the order of the numbers",
                hint: (session.request.step.strategy == .cdc
                    ? "read the events with a query that says CAST(\(name) AS INTEGER) AS \(name)"
                    : "make them numbers with columns: { cast: { \(name): integer } }")
                    + (held == nil ? "" : ", and set the watermark to a number"), field: "cursor.column"))
    }

    /// What is to be said of a sequence whose highest value lies below the watermark: its numbers began anew, or its
    /// newest rows are gone. A capture has marks of its own for that.
    func warnWhereNumbersRestarted(
        _ held: DestinationLedger.Held?, _ source: DeltaSource, _ delta: DeltaStatement, _ tally: DeltaTally
    ) throws(LoadStop) -> [LoadWarning] {
        let step = session.request.step
        // A person may set a watermark above all that is there.
        guard step.strategy == .sequence || step.strategy == .cdc, step.onGap != .ignore, session.order != .instants,
            let mark = held?.watermark, mark.run != nil, let value = mark.value, let place = session.order.key(value)
        else { return [] }
        if let read = tally.position?.key, read.compare(place) >= 0 { return [] }
        if step.strategy == .cdc, try session.capture() != nil { return [] }
        let found = try session.value("SELECT max(\(delta.place)) FROM \(delta.relation.sql)")
        guard let found, let highest = session.order.key(found), highest.isComparable(to: place),
            highest.compare(place) < 0
        else { return [] }
        let message =
            "the highest \(delta.cursor) is \(found.display), below the watermark \(value.display): the numbers began "
            + "anew, or the newest rows are gone; rows at or below the watermark are not read"
        guard step.onGap == .warn else {
            throw .failure(
                Failure(
                    .sequenceGap, message,
                    hint: "if the numbers began anew, set the watermark back or delete it; else say on_gap: warn",
                    field: "on_gap"))
        }
        return [LoadWarning(code: "sequence_went_back", message: message)]
    }
}
