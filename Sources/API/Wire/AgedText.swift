internal import Model
internal import Platform

/// A member of an answer: a value, or the age of an instant, which is another one each time it is told.
enum AgedValue: Sendable {
    case fixed(JSONValue)
    /// The seconds since an instant, 0 for one that is ahead of the clock; null for none.
    case age(of: Timestamp?)

    /// The value as it is at `now`.
    func json(at now: Timestamp) -> JSONValue {
        switch self {
        case .fixed(let value): value
        case .age(let instant): instant.map { .number(max(0, now.since($0).seconds)) } ?? .null
        }
    }
}

/// A JSON object written out once, but for the ages in it: what is asked for often is mostly copied.
struct AgedText: Sendable {
    private var pieces: [[UInt8]] = []
    /// What each piece but the last is followed by.
    private var instants: [Timestamp] = []

    /// Writes an object out.
    init(_ members: [(key: String, value: AgedValue)]) {
        var piece = Array("{".utf8)
        for (place, member) in members.enumerated() {
            if place > 0 { piece.append(UInt8(ascii: ",")) }
            piece += Array(JSONValue.string(member.key).text().utf8)
            piece.append(UInt8(ascii: ":"))
            if case .age(let instant?) = member.value {
                pieces.append(piece)
                instants.append(instant)
                piece = []
            } else {
                piece += Array(member.value.json(at: Timestamp(microseconds: 0)).text().utf8)
            }
        }
        pieces.append(piece + Array("}".utf8))
    }

    /// Appends the object as it is at `now`.
    func append(to bytes: inout [UInt8], at now: Timestamp) {
        for (place, piece) in pieces.enumerated() {
            bytes += piece
            if place < instants.count { AgedText.append(now.since(instants[place]), to: &bytes) }
        }
    }

    /// Appends seconds to the millisecond.
    private static func append(_ age: Duration, to bytes: inout [UInt8]) {
        let milliseconds = max(0, age.microseconds) / 1_000
        bytes += Array(String(milliseconds / 1_000).utf8)
        let rest = milliseconds % 1_000
        bytes.append(UInt8(ascii: "."))
        for digit in [rest / 100, rest / 10 % 10, rest % 10] { bytes.append(UInt8(ascii: "0") + UInt8(digit)) }
    }
}
