public import Model
internal import Platform

extension LoadEngine {
    /// Which intervals of a step's cursor its runs and backfills have loaded, with the cursor's column; nil for a step
    /// that has none. Changes nothing.
    public func ledger(
        _ pipeline: String, step name: String,
        completion: @escaping @Sendable (Result<(column: String?, ledger: Ledger), Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in
                let step = try resolve(pipeline, step: name)
                return (step.step.cursor?.column, try ledger(of: step, pipeline, stop: stop))
            }, completion: completion)
    }

    /// The ledger of a step. Blocks.
    func ledger(of step: ResolvedStep, _ pipeline: String, stop: StopToken) throws(Failure) -> Ledger {
        do throws(Failure) {
            return try loader.ledger(
                pipeline: pipeline, step: step.step, destination: step.destination.file, stop: stop)
        } catch {
            throw step.redact(error)
        }
    }
}
