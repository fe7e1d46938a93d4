public import Model
public import Platform
internal import SQLite

extension Loader {
    /// The step's watermark, from the destination; nil when it has none, or when the file does not exist.
    public func watermark(
        pipeline: String, step: String, destination: DatabaseFile
    ) throws(Failure) -> Watermark? {
        guard destination.exists else { return nil }
        return try withLedger(destination, access: .readOnly) { ledger throws(LoadStop) in
            try ledger.exists() ? try ledger.watermark(pipeline, step)?.watermark : nil
        }
    }

    /// Sets a step's watermark by a person's word, also to a lower value; answers the new one.
    ///
    /// `request` names the step and its files; its run and attempt are not looked at.
    public func setWatermark(
        _ request: LoadRequest, to value: CursorValue, reason: String
    ) throws(Failure) -> Watermark {
        let cursor = try cursor(of: request.step)
        try refuseUnordered(value, cursor, request.step)
        return try withSession(request, for: .load, stop: StopToken(), progress: LoadProgress()) {
            session throws(LoadStop) in
            try session.transaction { () throws(LoadStop) in
                try session.ledger.prepare()
                let held = try session.ledger.watermark(request.pipeline, request.step.name)
                let cursor =
                    request.step.strategy == .cdc
                    ? try source(session, held?.watermark, value).cursor : cursor
                let watermark = Watermark(
                    pipeline: request.pipeline, step: request.step.name, cursor: cursor.column, value: value,
                    updatedAt: clock.now(), reason: reason,
                    version: try session.ledger.nextVersion(request.pipeline, request.step.name))
                // What was loaded under another cursor says nothing of this one.
                let isSameColumn = held.map { fold($0.watermark.cursor) == fold(cursor.column) } ?? false
                let reached = isSameColumn ? held?.reached : try session.highestInDestination(cursor)
                try session.ledger.write(watermark, reached: reached, attempt: nil)
                return watermark
            }
        }
    }

    /// Removes a step's watermark, so that the next run reads the whole source; answers the removed one, or nil.
    public func removeWatermark(
        pipeline: String, step: String, destination: DatabaseFile
    ) throws(Failure) -> Watermark? {
        guard destination.exists else { return nil }
        return try withLedger(destination, access: .readWrite) { ledger throws(LoadStop) in
            guard try ledger.exists() else { return nil }
            let held = try ledger.watermark(pipeline, step)
            try ledger.remove(pipeline, step)
            return held?.watermark
        }
    }

    /// What setting (or with nil removing) a watermark would make the next run read or pass over; changes nothing.
    public func previewWatermark(
        _ request: LoadRequest, to value: CursorValue?, stop: StopToken
    ) throws(Failure) -> WatermarkPreview {
        let cursor = try cursor(of: request.step)
        if let value { try refuseUnordered(value, cursor, request.step) }
        return try withSession(request, for: .look, stop: stop, progress: LoadProgress()) { session throws(LoadStop) in
            let now = clock.now()
            let held = try session.held()?.watermark
            let source = try source(session, held, value)
            let cursor = source.cursor
            let delta = session.delta(source, [])
            let proposed = value.map {
                Watermark(
                    pipeline: request.pipeline, step: request.step.name, cursor: cursor.column, value: $0,
                    updatedAt: now, version: 0)
            }
            let wanted = try session.window(delta, cursor, proposed, now)
            let rows = try session.count(wanted.range, delta)
            var skipped = 0
            // A watermark of another column cannot be compared with.
            if let held, fold(held.cursor) == fold(cursor.column), let lower = wanted.lower,
                let loaded = held.value.flatMap({ session.order.key($0) }), loaded.compare(lower) < 0
            {
                var above = wanted.range
                above.lower = loaded
                above.includesLower = false
                skipped = max(0, try session.count(above, delta) - rows)
            }
            return WatermarkPreview(current: held?.value, proposed: value, rowsToRead: rows, rowsSkipped: skipped)
        }
    }

    /// The step's source. A captured table's log answers for the proposed value, which it may not be able to follow.
    private func source(
        _ session: LoadSession, _ held: Watermark?, _ value: CursorValue?
    ) throws(LoadStop) -> DeltaSource {
        let table = try session.destination()
        guard try session.capture() != nil else { return try session.deltaSource(held, table) }
        let proposed = value.map { value in
            Watermark(
                pipeline: session.request.pipeline, step: session.request.step.name, cursor: "", value: value,
                updatedAt: clock.now(), version: 0)
        }
        return try session.deltaSource(proposed, table)
    }

    private func cursor(of step: LoadStep) throws(Failure) -> Cursor {
        if let cursor = step.cursor { return cursor }
        // Its column is found with the change log.
        if step.strategy == .cdc { return Cursor(column: "sequence") }
        throw Failure(
            .missingCursor, "step \(step.name) has no cursor, so it has no watermark",
            hint: "give it a cursor and a strategy that uses one")
    }

    private func refuseUnordered(_ value: CursorValue, _ cursor: Cursor, _ step: LoadStep) throws(Failure) {
        let order = CursorOrder(cursor, strategy: step.strategy)
        guard order.key(value) == nil else { return }
        throw Failure(
            .invalidValue, "\(value.display) is not \(order.expectation)",
            hint: "write the value as the column \(cursor.column) holds it", field: "value")
    }
}
