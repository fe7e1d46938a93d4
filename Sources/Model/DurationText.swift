internal import Platform

/// Lengths of time as documents and flags write them: `90s`, `10m`, `2h`, `3d`, `1w`, `250ms`, and `1h30m`.
public enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// Reads a length; nil for anything but whole numbers with units, the larger unit first and each unit once, up to a hundred
    /// years.
    public static func parse(_ text: String) -> Duration? {
        var rest = Array(text.utf8)[...]
        guard !rest.isEmpty else { return nil }
        var milliseconds: Int64 = 0
        var nextUnit = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0 < UInt8(ascii: "0") || $0 > UInt8(ascii: "9") }
            rest = rest.dropFirst(letters.count)
            let name = String(decoding: letters, as: UTF8.self)
            guard let count = Int64(String(decoding: digits, as: UTF8.self)),
                let unit = units[nextUnit...].firstIndex(where: { $0.name == name })
            else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, carried) = milliseconds.addingReportingOverflow(product)
            guard !overflow, !carried else { return nil }
            milliseconds = sum
            nextUnit = unit + 1
        }
        let duration = Duration.milliseconds(milliseconds)
        return duration <= Limits.longestReach ? duration : nil
    }

    /// Writes a length as `parse` reads it, cut to whole milliseconds; `0s` for none and for a negative one.
    public static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds.multipliedReportingOverflow(by: 1_000).partialValue + attoseconds / 1_000_000_000_000_000
        guard rest > 0 else { return "0s" }
        var text = ""
        for unit in units where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }
}
