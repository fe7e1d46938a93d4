internal import Model

/// Figures and times as people read them.
enum HumanText {
    /// A whole number with a space between groups of three digits; nothing for nil.
    static func count(_ number: Int64?) -> String {
        guard let number else { return "" }
        var digits = String(number.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: " ")
    }

    /// Seconds with the digits that matter, as `0.041 s`, `12.3 s` or `2 h 5 min`; nothing for nil.
    static func seconds(_ value: Double?) -> String {
        guard let value else { return "" }
        if value < 10 { return fixed(value, digits: 3) + " s" }
        if value < 120 { return fixed(value, digits: 1) + " s" }
        let minutes = Int(min(value, 1e12) / 60)
        return minutes < 120 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
    }

    /// An age by its two largest units, as `45 s`, `12 min`, `2 h 5 min` or `3 d 4 h`.
    static func age(_ seconds: Double) -> String {
        let seconds = Int(min(max(0, seconds), 1e12))
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7_200 { return "\(seconds / 60) min" }
        if seconds < 172_800 { return "\(seconds / 3_600) h \(seconds / 60 % 60) min" }
        return "\(seconds / 86_400) d \(seconds / 3_600 % 24) h"
    }

    /// An RFC 3339 time to the second with a space for its `T`; nothing for nil.
    static func time(_ text: String?) -> String {
        guard let text else { return "" }
        let bytes = text.utf8
        guard bytes.count >= 20, text.hasSuffix("Z") else { return text }
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8) + "Z"
    }

    /// A cursor value: a text as it is, anything else as JSON, a dash for null.
    static func cursor(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null?: "-"
        case .string(let text)?: text
        case let value?: value.text()
        }
    }

    private static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((max(0, value) * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

extension JSONValue {
    /// The value of a number, whole or not; nil for anything else.
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
