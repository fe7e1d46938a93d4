internal import Model
internal import Platform
internal import SQLite

extension Loader {
    /// What a load that failed has committed before, over all attempts of its run; nil when nothing, or when all.
    func unfinished(_ request: LoadRequest) throws(Failure) -> FinishedLoad? {
        guard request.destination.exists else { return nil }
        return try withLedger(request.destination, access: .readOnly) { ledger throws(LoadStop) in
            let (run, step) = (request.run, request.step.name)
            guard try ledger.exists(), let committed = try ledger.committed(run: run, step: step), !committed.isFinal
            else { return nil }
            var load = try ledger.finished(committed, step)
            load.result.manifest = try ledger.manifest(run: run, step: step)
            load.result.checks = try ledger.checks(run: run, step: step)
            return load
        }
    }
}

extension Failure {
    /// How the message of a failure ends that has left the destination as it was.
    static let unchanged = "; nothing was changed"

    /// The failure of a load that has made commits before the one that failed: those stay.
    func after(_ load: FinishedLoad) -> Failure {
        // The later attempt that has taken over tells of them.
        guard code != .fenced else { return self }
        let (counts, commits) = (load.result.counts, load.result.commits)
        var failure = self
        if message.hasSuffix(Failure.unchanged) {
            failure.message = String(message.dropLast(Failure.unchanged.count))
        }
        let mark = load.watermark?.value.map { ", the watermark at \($0.display)" } ?? ""
        failure.message +=
            "; this commit was taken back, and \(commits == 1 ? "the one" : "the \(commits)") before it "
            + "\(commits == 1 ? "stays" : "stay") (\(counts.read) rows read, \(counts.inserted) inserted, "
            + "\(counts.updated) updated, \(counts.deleted) deleted\(mark))"
        return failure
    }
}
