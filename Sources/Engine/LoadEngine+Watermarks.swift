internal import Loading
public import Model
internal import Platform
internal import Store

/// A person's change of a watermark.
public struct WatermarkChange: Sendable {
    /// The pipeline's name.
    public var pipeline: String
    /// The step's name.
    public var step: String
    /// The new value; nil removes the watermark, so that the next run reads from the beginning.
    public var value: CursorValue?
    /// Why; kept in the history.
    public var reason: String
    /// The version that the person has seen, 0 for none; another one in the destination refuses the change. Nil asks
    /// nothing.
    public var ifVersion: Int?

    /// Makes a change.
    public init(pipeline: String, step: String, value: CursorValue?, reason: String, ifVersion: Int? = nil) {
        self.pipeline = pipeline
        self.step = step
        self.value = value
        self.reason = reason
        self.ifVersion = ifVersion
    }
}

extension LoadEngine {
    /// The step's watermark as its destination has it, nil when it has none; where the control database lacks its copy,
    /// one is made.
    public func findWatermark(
        _ pipeline: String, step name: String, completion: @escaping @Sendable (Result<Watermark?, Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (_) throws(Failure) in
                let step = try resolve(pipeline, step: name)
                let found: Watermark?
                do throws(Failure) {
                    found = try loader.watermark(pipeline: pipeline, step: name, destination: step.destination.file)
                } catch {
                    throw step.redact(error)
                }
                guard let found, found.value != nil else { return nil }
                restore(found, from: step.destination)
                return found
            }, completion: completion)
    }

    /// Mirrors a watermark that was found at `place`, unless its connection leads elsewhere by now.
    private func restore(_ watermark: Watermark, from place: Place) {
        do throws(StoreError) {
            try store.write { [catalog] (transaction) throws(StoreError) in
                guard (try? catalog.place(of: place.connection, transaction))?.file == place.file else { return }
                try transaction.restoreWatermark(watermark)
            }
        } catch {
            log.warn(
                "a watermark could not be mirrored; the step's next load mirrors it",
                ["pipeline": watermark.pipeline, "step": watermark.step, "cause": error.description])
        }
    }

    /// What a change of a watermark would make the next run read again or pass over; changes nothing.
    public func previewWatermark(
        _ change: WatermarkChange, completion: @escaping @Sendable (Result<WatermarkPreview, Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in
                let step = try resolve(change.pipeline, step: change.step)
                do throws(Failure) {
                    return try loader.previewWatermark(request(change, step), to: change.value, stop: stop)
                } catch {
                    throw step.redact(error)
                }
            }, completion: completion)
    }

    /// Changes a watermark in its destination, when no load writes there; the completion gets the new one, nil after a
    /// removal. Refused with `conflict` when a load keeps the file for longer than `Limits.editWaitTime`.
    public func changeWatermark(
        _ change: WatermarkChange, completion: @escaping @Sendable (Result<Watermark?, Failure>) -> Void
    ) {
        let step: ResolvedStep
        do throws(Failure) {
            step = try resolve(change.pipeline, step: change.step)
        } catch {
            return completion(.failure(error))
        }
        edit(
            step.destination.lockNames, "the destination of \(change.pipeline)/\(change.step)",
            "set the watermark then",
            { [self] () throws(Failure) in try perform(change) }, completion)
    }

    /// Carries a change out, on the edit lane.
    private func perform(_ change: WatermarkChange) throws(Failure) -> Watermark? {
        let step = try resolve(change.pipeline, step: change.step)
        do throws(Failure) {
            try checkVersion(change, step)
            guard let value = change.value else {
                try remove(change, step)
                return nil
            }
            let watermark = try loader.setWatermark(request(change, step), to: value, reason: change.reason)
            _ = records.record(.watermark(.watermarkSet, watermark)) { (transaction) throws(StoreError) in
                try transaction.mirrorWatermark(watermark)
            }
            return watermark
        } catch {
            throw step.redact(error)
        }
    }

    private func checkVersion(_ change: WatermarkChange, _ step: ResolvedStep) throws(Failure) {
        guard let expected = change.ifVersion else { return }
        let current = try loader.watermark(
            pipeline: change.pipeline, step: change.step, destination: step.destination.file)
        let version = current?.version ?? 0
        guard version != expected else { return }
        throw Failure(
            .preconditionFailed,
            "the watermark of \(change.pipeline)/\(change.step) has version \(version), not \(expected)",
            hint: "read it again, and decide anew")
    }

    private func remove(_ change: WatermarkChange, _ step: ResolvedStep) throws(Failure) {
        let removed = try loader.removeWatermark(
            pipeline: change.pipeline, step: change.step, destination: step.destination.file)
        guard let removed else {
            throw Failure(
                .notFound, "\(change.pipeline)/\(change.step) has no watermark",
                hint: "its next run reads from the beginning anyway")
        }
        var watermark = removed
        watermark.run = nil
        watermark.reason = change.reason
        _ = records.record(.watermark(.watermarkRemoved, watermark)) { (transaction) throws(StoreError) in
            // The copy may never have been made, and the history goes on from it.
            try transaction.mirrorWatermark(removed)
            try transaction.removeWatermark(change.pipeline, change.step, reason: change.reason)
        }
    }

    private func request(_ change: WatermarkChange, _ step: ResolvedStep) -> LoadRequest {
        LoadRequest(
            run: "watermark", pipeline: change.pipeline, step: step.step, attempt: 1, source: step.source.file,
            destination: step.destination.file)
    }
}
