internal import Platform

/// The identifiers that lineage has for runs: UUIDs in the layout of version 7 (RFC 9562), made of our own so that every
/// event of a run has the same one, also after a restart.
public enum LineageIdentifier {
    /// The identifier of a run.
    public static func run(_ id: String) -> String { uuid(id, "run") }

    /// The identifier of one attempt at a step of a run: another attempt is another run of it.
    public static func step(_ name: String, attempt: Int, of run: String) -> String {
        uuid(run, "step/\(attempt)/\(name)")
    }

    /// The time of our identifier, then bits that are made of it and of `part`.
    private static func uuid(_ id: String, _ part: String) -> String {
        let digits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
        var time: UInt64 = 0
        for byte in id.utf8.prefix(10) { time = time << 5 | UInt64(digits.firstIndex(of: byte) ?? 0) }
        let first = mixed("a/\(id)/\(part)")
        let second = mixed("b/\(id)/\(part)")
        let high = time << 16 | 0x7000 | first & 0x0FFF
        let low = second & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let text = hex(high) + hex(low)
        func cut(_ range: Range<Int>) -> Substring {
            text[
                text.index(
                    text.startIndex, offsetBy: range.lowerBound)..<text.index(
                        text.startIndex, offsetBy: range.upperBound)]
        }
        return [cut(0..<8), cut(8..<12), cut(12..<16), cut(16..<20), cut(20..<32)].joined(separator: "-")
    }

    /// A check sum whose bits all depend on all of the text.
    private static func mixed(_ text: String) -> UInt64 {
        var value = CheckSum(text.utf8).value
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    private static func hex(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}
