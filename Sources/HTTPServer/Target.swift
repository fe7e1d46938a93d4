/// A request target in origin form, split and decoded.
///
/// The path is split at `/` before its escapes are decoded, so that `%2F` stays inside its segment.
struct Target: Sendable {
    /// The decoded segments; `/` has none, `/a/` has `a` and an empty one.
    let segments: [String]
    /// The decoded parameters.
    let query: Query

    /// Reads a target; a bad one is a `badRequest` that says what to change.
    init(_ raw: some Collection<UInt8>) throws(HTTPError) {
        guard raw.first == UInt8(ascii: "/") else {
            throw .badRequest("The request target must be a path that starts with '/'.")
        }
        if let byte = raw.first(where: { $0 <= 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "#") }) {
            throw .badRequest("The request target holds the byte \(byte); send it as an escape such as %20.")
        }
        let cut = raw.firstIndex(of: UInt8(ascii: "?"))
        let path = raw[..<(cut ?? raw.endIndex)].dropFirst()
        var segments: [String] = []
        if !path.isEmpty {
            for part in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
                let segment = try decoded(part, plusIsSpace: false)
                guard segment != ".", segment != ".." else {
                    throw .badRequest("The path holds the segment '\(segment)'; send the path without it.")
                }
                segments.append(segment)
            }
        }
        self.segments = segments
        var parameters: [Query.Parameter] = []
        if let cut {
            for part in raw[raw.index(after: cut)...].split(separator: UInt8(ascii: "&")) {
                let sides = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                parameters.append(
                    Query.Parameter(
                        name: try decoded(sides[0], plusIsSpace: true),
                        value: sides.count > 1 ? try decoded(sides[1], plusIsSpace: true) : ""))
            }
        }
        query = Query(parameters)
    }
}

/// The text that `bytes` escape: two hexadecimal digits after each `%`, no NUL, valid UTF-8.
private func decoded(_ bytes: some Collection<UInt8>, plusIsSpace: Bool) throws(HTTPError) -> String {
    var plain: [UInt8] = []
    plain.reserveCapacity(bytes.count)
    var rest = bytes.makeIterator()
    while let byte = rest.next() {
        if byte == UInt8(ascii: "%") {
            guard let high = rest.next().flatMap(hexadecimal), let low = rest.next().flatMap(hexadecimal) else {
                throw .badRequest("The request target holds a '%' without two hexadecimal digits; send '%' as %25.")
            }
            plain.append(high << 4 | low)
        } else {
            plain.append(byte == UInt8(ascii: "+") && plusIsSpace ? UInt8(ascii: " ") : byte)
        }
    }
    guard !plain.contains(0) else { throw .badRequest("The request target holds a NUL byte (%00); leave it out.") }
    guard let text = String(validating: plain, as: UTF8.self) else {
        throw .badRequest("The request target is not UTF-8; escape its text as UTF-8.")
    }
    return text
}

private func hexadecimal(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}
