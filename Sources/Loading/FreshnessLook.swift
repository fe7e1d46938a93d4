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
        let order = CursorOrder(Cursor(column: column, format: format), strategy: .timestamp)
        guard let latest = order.key(now.adding(Limits.maximumFuture)) else { return unknown(check, column) }
        let newest: CursorValue?
        if case .instant(let instant) = latest {
            let time = "\(OrderFunction.timeName)(\(quoted(column)))"
            let sql = "SELECT max(\(time)) FROM \(table.sql) WHERE \(time) <= ?"
            session.trail.note(sql)
            let text = try session.value(sql, [.text(instant.sortableText)])
            newest = text.map { .text($0.display + "Z") }
        } else {
            let sql =
                "SELECT max(\(quoted(column))) FROM \(table.sql) "
                + "WHERE typeof(\(quoted(column))) IN ('integer', 'real') AND \(quoted(column)) <= ?"
            session.trail.note(sql)
            newest = try session.value(sql, [latest.value ?? .null])
        }
        guard let newest, let place = order.key(newest) else { return unknown(check, column) }
        return judge(check, column, place, order, newest)
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
