internal import Model

/// Stops a run that would remove too much.
struct ShrinkGuard {
    private let request: LoadRequest

    init(_ request: LoadRequest) {
        self.request = request
    }

    /// Fails when `removed` of `rows` is more than the step allows and the run does not override it.
    func check(removed: Int, of rows: Int) throws(LoadStop) {
        guard !request.allowShrink, removed > 0, rows > 0,
            Double(removed) > Double(rows) * request.step.maxShrink
        else { return }
        throw .failure(
            Failure(
                .shrinkGuard,
                "the run would remove \(removed) of the \(rows) rows of \(request.step.destination.table), more than "
                    + "max_shrink (\(request.step.maxShrink)) allows; nothing was changed",
                hint: "look whether the source is complete; if it is, run once with allow_shrink", field: "max_shrink"))
    }

    /// Fails when `removed` rows are more than the step allows of those that were there; `remaining` counts those that
    /// are left, up to a bound.
    func check(removed: Int, remaining: (Int) throws(LoadStop) -> Int) throws(LoadStop) {
        guard removed > 0 else { return }
        let enough = Double(removed) / max(request.step.maxShrink, .leastNonzeroMagnitude)
        let limit = enough < Double(Int32.max) ? Int(enough) + 1 : Int(Int32.max)
        guard try remaining(limit) < limit else { return }
        try check(removed: removed, of: removed + (try remaining(.max)))
    }

    /// Fails when the source is empty and the destination, with `rows` rows, is not, unless the run overrides it.
    func refuseEmpty(source: Int, of rows: Int) throws(LoadStop) {
        guard source == 0, rows > 0, !request.allowShrink else { return }
        throw .failure(
            Failure(
                .shrinkGuard,
                "the source is empty, and the run would remove all \(rows) rows of "
                    + "\(request.step.destination.table); nothing was changed",
                hint: "look whether the source is complete; if it is, run once with allow_shrink"))
    }
}
