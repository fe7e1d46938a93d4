public import Model

/// What a commit did to work that is counted.
public struct WorkNews: Sendable {
    /// The runs that have come to their end, as they were stored then.
    public internal(set) var ended: [Run] = []
    /// The backfills that may have changed, as they are now.
    public internal(set) var backfills: [Backfill] = []

    var isEmpty: Bool { ended.isEmpty && backfills.isEmpty }
}

extension Transaction {
    /// What it has done to work that is counted, as its last statement before the commit.
    func work() throws(StoreError) -> WorkNews {
        var work = WorkNews()
        work.ended = ended
        for id in changedBackfills.sorted() {
            if let backfill = try backfill(id) { work.backfills.append(backfill) }
        }
        return work
    }
}
