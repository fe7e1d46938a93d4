import Model
import SQLite

/// What a destination must hold and what a run must count, worked out in plain Swift.
///
/// Places are tenths of a second, or plain numbers for a sequence.
struct Oracle {
    struct Row: Equatable {
        var key: Int
        var place: Int
        var cursor: Value
        var payload: Value
    }

    let mode: WriteMode
    let lookback: Int
    var source: [Int: Row] = [:]
    var destination: [Row] = []
    var watermark: Int?

    init(mode: WriteMode, lookback: Int) {
        self.mode = mode
        self.lookback = lookback
    }

    /// The lowest place that the next run reads.
    var lower: Int { watermark.map { $0 - lookback } ?? .min }

    /// Carries out a run; answers its counts.
    mutating func run() -> RowCounts {
        let lower = lower
        var counts = RowCounts()
        for row in source.values where row.place >= lower {
            counts.read += 1
            let found = destination.firstIndex {
                $0.key == row.key && (mode != .append || $0.cursor == row.cursor)
            }
            if let found {
                if mode == .append || destination[found] == row {
                    counts.unchanged += 1
                } else {
                    destination[found] = row
                    counts.updated += 1
                }
            } else {
                destination.append(row)
                counts.inserted += 1
            }
            watermark = max(watermark ?? .min, row.place)
        }
        return counts
    }
}
