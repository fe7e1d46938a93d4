internal import Model
internal import Platform

/// Where a load starts and where it ends, worked out once at its start.
///
/// Pure: from the watermark, the step's rules and the clock.
struct DeltaWindow {
    let order: CursorOrder
    let step: LoadStep
    let cursor: Cursor
    /// The lowest place to read; nil reads from the beginning.
    var lower: CursorKey?
    /// Whether rows at `lower` are read.
    var includesLower: Bool
    /// The highest place to read that is not ahead of the clock; nil reads to the end.
    var upper: CursorKey?
    /// Above this place rows are ahead of the clock.
    var future: CursorKey?

    /// Works out the window above `held`; `highest` is the source's highest cursor, needed for a `settle` by count.
    init(
        step: LoadStep, cursor: Cursor, order: CursorOrder, held: Watermark?, isCursorUnique: Bool, now: Timestamp,
        highest: () throws(LoadStop) -> CursorKey?
    ) throws(LoadStop) {
        self.order = order
        self.step = step
        self.cursor = cursor
        future = order.key(now.adding(Limits.maximumFuture))
        upper = future
        switch step.settle {
        case .none: break
        case .time(let time): upper = order.key(now.adding(.zero - time)) ?? upper
        case .count: upper = try highest().map { order.key($0, less: step.settle) }
        }
        includesLower = true
        if let value = held?.value {
            let place = try DeltaWindow.place(value, order, cursor, "the watermark")
            lower = order.key(place, less: step.lookback)
            // A cursor that no two rows share cannot get another row at the boundary.
            includesLower = !(isCursorUnique && step.lookback == .none)
        } else if let initial = cursor.initial {
            lower = try DeltaWindow.place(initial, order, cursor, "cursor.initial")
        }
    }

    private static func place(
        _ value: CursorValue, _ order: CursorOrder, _ cursor: Cursor, _ what: String
    ) throws(LoadStop) -> CursorKey {
        if let key = order.key(value) { return key }
        throw .failure(
            Failure(
                .cursorFormat, "\(what) \(value.display) is not \(order.expectation)",
                hint: "correct cursor.format, or set the watermark anew", field: "cursor.format"))
    }

    /// The whole window in one range.
    var range: DeltaRange {
        DeltaRange(
            lower: lower, includesLower: includesLower, upper: upper, future: future,
            includesNull: cursor.onMissing == .include)
    }
}

extension CursorKey {
    /// The place in words, for windows shown to people.
    var display: String {
        switch self {
        case .instant(let instant): instant.sortableText + "Z"
        case .integer(let value): String(value)
        case .real(let value): String(value)
        case .text(let bytes): CursorValue.text(bytes).display
        case .blob(let bytes): CursorValue.blob(bytes).display
        }
    }
}
