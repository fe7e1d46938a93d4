internal import Model
internal import Platform
internal import SQLite

/// Looks how old the newest is that a destination holds.
struct FreshnessLook {
    let session: LoadSession
    let table: DestinationTable
    let now: Timestamp
    let maxAge: Duration

    /// Judges the cursor by the watermark, which is the highest that is not ahead of the clock.
    func result(_ check: Check, _ watermark: CursorValue?) -> CheckResult {
        let cursor = session.request.step.cursor?.column ?? ""
        guard let watermark, let place = session.order.key(watermark) else { return unknown(check, cursor) }
        return judge(check, cursor, place, session.order, watermark)
    }

    /// Judges another column of the destination, by a look at all of its rows.
    func result(_ check: Check, _ name: String, _ format: CursorFormat?) throws(LoadStop) -> CheckResult {
        guard let column = table.shape?.column(name)?.name else {
            throw .failure(
                Failure(
                    .unknownColumn,
                    "check \(check.name): \(session.request.step.destination.table) has no column \(name)",
                    hint: "its columns are " + (table.shape?.columns ?? []).map(\.name).joined(separator: ", "),
                    field: "checks"))
        }
        let order = FreshnessLook.order(column, format)
        guard let look = FreshnessLook.newest(column, format, table, now) else { return unknown(check, column) }
        session.trail.note(look)
        var newest = try session.value(look.sql, look.parameters)
        if order == .instants { newest = newest.map { .text($0.display + "Z") } }
        guard let newest, let place = order.key(newest) else { return unknown(check, column) }
        return judge(check, column, place, order, newest)
    }

    /// The statement that finds the newest that is not ahead of the clock; nil where no place in the order is that.
    static func newest(
        _ column: String, _ format: CursorFormat?, _ table: DestinationTable, _ now: Timestamp
    ) -> DeltaStatement.Text? {
        guard let latest = order(column, format).key(now.adding(Limits.maximumFuture)) else { return nil }
        var text = DeltaStatement.Text(sql: "", parameters: [], meanings: ["the latest that is not ahead of the clock"])
        if case .instant(let instant) = latest {
            let time = "\(OrderFunction.timeName)(\(quoted(column)))"
            text.sql = "SELECT max(\(time)) FROM \(table.sql) WHERE \(time) <= ?"
            text.parameters = [.text(instant.sortableText)]
        } else {
            text.sql =
                "SELECT max(\(quoted(column))) FROM \(table.sql) "
                + "WHERE typeof(\(quoted(column))) IN ('integer', 'real') AND \(quoted(column)) <= ?"
            text.parameters = [latest.value ?? .null]
        }
        return text
    }

    private static func order(_ column: String, _ format: CursorFormat?) -> CursorOrder {
        CursorOrder(Cursor(column: column, format: format), strategy: .timestamp)
    }

    private func judge(
        _ check: Check, _ column: String, _ place: CursorKey, _ order: CursorOrder, _ value: CursorValue
    ) -> CheckResult {
        guard let oldest = order.key(now.adding(.zero - maxAge)) else { return unknown(check, column) }
        let isPassed = place.compare(oldest) >= 0
        return CheckResult(
            check, isPassed: isPassed, count: isPassed ? 0 : 1,
            message: "the newest \(column) is \(value.display)"
                + (isPassed ? "" : ", older than \(DurationText.format(maxAge))"))
    }

    private func unknown(_ check: Check, _ column: String) -> CheckResult {
        CheckResult(check, message: "unknown: \(session.request.step.destination.table) holds no time in \(column)")
    }
}
