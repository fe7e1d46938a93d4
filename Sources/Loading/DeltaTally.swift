internal import Model
internal import SQLite

/// What one pass saw.
struct DeltaTally {
    /// Rows that belong to the delta.
    var passed = 0
    /// Rows below the window: already loaded, or late.
    var below = 0
    /// Rows above the window, left for a later commit or run.
    var above = 0
    /// Rows of the delta that are ahead of the clock.
    var future = 0
    /// The first of those.
    var futureSample: CursorValue?
    /// Rows whose cursor is NULL.
    var nullCursors = 0
    /// Rows whose cursor has no place in the order.
    var unordered = 0
    /// The first of those.
    var unorderedSample: CursorValue?
    /// Rows of the delta in which a column of the key is NULL.
    var nullKeys = 0
    /// How the texts of the delta name their time zone, as bits of `Instant.Zone`.
    var zones: UInt8 = 0
    /// The highest position read that a watermark may take.
    var position: DeltaPosition?
    /// The highest cursor read, rows ahead of the clock included.
    var reached: DeltaPosition?
    /// The lowest cursor read.
    var lowest: CursorKey?

    /// Adds what an earlier pass over other rows of the same source saw.
    ///
    /// Both passes may have met the rows that belong to neither, so of those the higher count stays.
    mutating func merge(_ earlier: DeltaTally) {
        passed += earlier.passed
        below = max(below, earlier.below)
        above = max(above, earlier.above)
        future += earlier.future
        futureSample = earlier.futureSample ?? futureSample
        nullCursors = max(nullCursors, earlier.nullCursors)
        unordered = max(unordered, earlier.unordered)
        unorderedSample = earlier.unorderedSample ?? unorderedSample
        nullKeys += earlier.nullKeys
        zones |= earlier.zones
        position = DeltaPosition.higher(position, earlier.position)
        reached = DeltaPosition.higher(reached, earlier.reached)
        if let other = earlier.lowest, lowest.map({ other.compare($0) < 0 }) ?? true { lowest = other }
    }
}

/// A cursor value with its place in the order and the key of its row.
struct DeltaPosition {
    var key: CursorKey
    var value: CursorValue
    var rowKey: [Value]

    /// The higher of two positions; the first where they are equal.
    static func higher(_ left: DeltaPosition?, _ right: DeltaPosition?) -> DeltaPosition? {
        guard let left, let right else { return left ?? right }
        return right.key.compare(left.key) > 0 ? right : left
    }
}
