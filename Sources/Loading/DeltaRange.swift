/// The part of a cursor's order that a statement reads.
struct DeltaRange: Equatable {
    /// The lowest place read; nil reads from the beginning.
    var lower: CursorKey?
    /// Whether rows at `lower` itself are read.
    var includesLower = true
    /// The highest place read and the highest a watermark may take; nil reads to the end.
    var upper: CursorKey?
    /// Rows above this place are not read at all; nil means no such bound.
    var ceiling: CursorKey?
    /// Rows above this place are ahead of the clock: read with the last commit, but no reason to move a watermark.
    var future: CursorKey?
    /// Whether this statement reads the rows ahead of the clock.
    var includesFuture = true
    /// Whether it reads the rows whose cursor is NULL.
    var includesNull = false
}
