internal import Model

/// Puts what a pass over the source saw under the step's policies.
///
/// Pure: a tally in, warnings or a failure out.
struct DeltaJudgement {
    static let duplicateKeys = "duplicate_keys"
    let step: LoadStep
    let cursor: Cursor
    let order: CursorOrder
    let tally: DeltaTally

    /// What a person should know; fails where a policy says so.
    func warnings() throws(LoadStop) -> [LoadWarning] {
        var warnings: [LoadWarning] = []
        if tally.nullKeys > 0 {
            throw .failure(.nullKeys(tally.nullKeys, step.primaryKey))
        }
        warnings += try missing()
        warnings += try unordered()
        if tally.future > 0 {
            warnings.append(
                LoadWarning(
                    code: "future_cursor",
                    message: "\(rows(tally.future)) a \(cursor.column) ahead of the clock (the first: "
                        + "\(tally.futureSample?.display ?? "")); loaded, but the watermark stays below"))
        }
        if tally.zones.nonzeroBitCount > 1, tally.zones & Instant.Zone.offset.rawValue != 0 {
            warnings.append(
                LoadWarning(
                    code: "mixed_offsets",
                    message: "the values of \(cursor.column) have different UTC offsets; they are ordered as instants, "
                        + "and those without an offset are taken as UTC"))
        }
        return warnings
    }

    private func missing() throws(LoadStop) -> [LoadWarning] {
        guard tally.nullCursors > 0 else { return [] }
        let message = "\(rows(tally.nullCursors)) NULL in the cursor \(cursor.column)"
        switch cursor.onMissing {
        case .raise:
            throw .failure(
                Failure(
                    .cursorMissing, message,
                    hint: step.strategy == .cdc
                        ? "events without it have no place among the others: fill it in, or leave them out with a query"
                        : "fill them in the source, or say cursor.on_missing: include (load them every time) or "
                            + "exclude (pass over them)",
                    field: step.strategy == .cdc ? "cursor.column" : "cursor.on_missing"))
        case .include: return [LoadWarning(code: "cursor_missing", message: message + "; loaded by every run")]
        case .exclude: return [LoadWarning(code: "cursor_missing", message: message + "; passed over")]
        }
    }

    private func unordered() throws(LoadStop) -> [LoadWarning] {
        guard tally.unordered > 0, let sample = tally.unorderedSample else { return [] }
        if order == .instants, tally.passed == 0, isNumber(sample) {
            throw .failure(
                Failure(
                    .cursorFormat, "the cursor \(cursor.column) holds numbers (the first: \(sample.display))",
                    hint: "say cursor.format: unix_seconds, unix_millis or unix_micros; or, if they are no times, "
                        + "strategy: sequence", field: "cursor.format"))
        }
        let message =
            "\(rows(tally.unordered)) a \(cursor.column) that is not \(order.expectation) (the first: \(sample.display))"
        guard cursor.onUnparsable == .exclude else {
            throw .failure(
                Failure(
                    order == .plain ? .mixedCursorTypes : .cursorUnparsable, message,
                    hint: "mend them in the source, correct cursor.format, or say cursor.on_unparsable: exclude",
                    field: "cursor.on_unparsable"))
        }
        return [LoadWarning(code: "cursor_unparsable", message: message + "; passed over")]
    }

    /// What is to be said of rows that share a key, `passed` in all of which `kept` were kept.
    func duplicates(passed: Int, kept: Int) throws(LoadStop) -> [LoadWarning] {
        guard passed > kept, kept > 0 else { return [] }
        let message =
            "\(rows(passed - kept)) the same key (\(step.primaryKey.joined(separator: ", "))) as a newer row"
        guard step.onDuplicateKey == .keepNewest else {
            throw .failure(
                Failure(
                    .duplicateKey, message,
                    hint: "name a primary_key that is unique, or say on_duplicate_key: keep_newest",
                    field: "on_duplicate_key"))
        }
        return [LoadWarning(code: DeltaJudgement.duplicateKeys, message: message + "; the newest was loaded")]
    }

    /// Refuses a commit that would pass over rows which belong to the delta: of `passed` rows at least one is kept.
    static func refuseLost(passed: Int, kept: Int) throws(LoadStop) {
        guard passed > 0, kept == 0 else { return }
        throw .failure(
            Failure(
                .verificationFailed, "\(passed) rows were to be loaded, but none was kept\(Failure.unchanged)",
                hint: "report this as a fault of Strandline, with the source's table definition"))
    }

    /// What is to be said of whole numbers missing between those read, where no two rows share one.
    ///
    /// Of a log of events `numbers` says how many different ones were read, and `last` the last that was read before.
    func gaps(
        _ range: DeltaRange, numbers: Int? = nil, after last: CursorKey? = nil
    ) throws(LoadStop) -> [LoadWarning] {
        guard step.strategy == .sequence || step.strategy == .cdc, step.onGap != .ignore, step.lookback == .none,
            case .integer(let highest) = tally.position?.key
        else { return [] }
        let base: Int64
        if case .integer(let lower) = range.lower, !range.includesLower {
            base = lower
        } else if case .integer(let last) = last, case .integer(let lowest) = tally.lowest, last < lowest {
            // The last event that was read is gone from the log by now.
            base = last
        } else if case .integer(let lowest) = tally.lowest, lowest > .min {
            base = lowest - 1
        } else {
            return []
        }
        let (span, overflow) = highest.subtractingReportingOverflow(base)
        let withCursor = numbers ?? tally.passed - (range.includesNull ? tally.nullCursors : 0)
        guard !overflow, span > Int64(withCursor) else { return [] }
        let message =
            "\(span - Int64(withCursor)) numbers of \(cursor.column) are missing between \(base + 1) and \(highest)"
        guard step.onGap == .warn else {
            throw .failure(
                Failure(
                    .sequenceGap, message + Failure.unchanged,
                    hint: "wait until they are committed, or say on_gap: warn", field: "on_gap", isTransient: true))
        }
        return [LoadWarning(code: "sequence_gap", message: message)]
    }

    private func isNumber(_ value: CursorValue) -> Bool {
        switch value {
        case .integer, .real: true
        case .text, .blob: false
        }
    }

    private func rows(_ count: Int) -> String { count == 1 ? "1 row has" : "\(count) rows have" }
}

extension Failure {
    /// The failure of a load whose rows lack a key.
    static func nullKeys(_ count: Int, _ key: [String]) -> Failure {
        Failure(
            .nullKey,
            "\(count == 1 ? "1 row has" : "\(count) rows have") a NULL in the primary key "
                + "(\(key.joined(separator: ", ")))",
            hint: "name columns that are never NULL, or leave such rows out with a query", field: "primary_key")
    }
}
