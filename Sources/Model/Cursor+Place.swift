internal import Platform

extension Cursor {
    /// The place of one of its values to the microsecond, or to the whole number, at or below it; nil for a value that is
    /// neither a time, as the cursor writes times, nor a number.
    public func place(of value: CursorValue, _ strategy: Strategy) -> PartitionBound.Place? {
        switch (format ?? (strategy == .timestamp ? .iso8601 : nil), value) {
        case (nil, .integer(let number)): return .number(number)
        case (nil, .real(let number)): return Int64(exactly: number.rounded(.down)).map { .number($0) }
        case (.iso8601, .text(let bytes)):
            var reader = InstantReader()
            guard let instant = bytes.withUnsafeBytes({ reader.read($0) })?.instant else { return nil }
            return .time(
                Timestamp(microseconds: instant.seconds &* 1_000_000 &+ instant.attoseconds / 1_000_000_000_000))
        case (let format?, .integer(let number)):
            guard let unitsPerSecond = format.unitsPerSecond else { return nil }
            let (time, overflow) = number.multipliedReportingOverflow(by: 1_000_000 / unitsPerSecond)
            return overflow ? nil : .time(Timestamp(microseconds: time))
        case (let format?, .real(let number)):
            guard let unitsPerSecond = format.unitsPerSecond else { return nil }
            return Int64(exactly: (number * 1_000_000 / Double(unitsPerSecond)).rounded(.down))
                .map { .time(Timestamp(microseconds: $0)) }
        default: return nil
        }
    }
}
