/// The head of a request as the library read it, before any of it is believed.
struct RawHead: Sendable {
    /// The method's bytes.
    var method: [UInt8]
    /// The request target's bytes, escapes and query included.
    var target: [UInt8]
    /// The version's text.
    var version: String
    /// The fields in order; names and values as bytes.
    var fields: [(name: [UInt8], value: [UInt8])]
    /// Whether nothing but line ends and white space stood between the parts: the library reads text up to a NUL, and
    /// would take what stands before one for the whole.
    var isWhole: Bool
}

extension RawHead {
    /// The fields as text; throws `badRequest` for a name that is no token or a value that is no text.
    func headers() throws(HTTPError) -> Headers {
        guard isWhole else {
            throw .badRequest("The request's head holds a NUL byte or a folded line; send each header on one line.")
        }
        var headers: [Headers.Field] = []
        headers.reserveCapacity(fields.count)
        for field in fields {
            guard !field.name.isEmpty, field.name.allSatisfy(isTokenByte) else {
                throw .badRequest("The header name '\(String(decoding: field.name, as: UTF8.self))' is not a token.")
            }
            let name = String(decoding: field.name, as: UTF8.self)
            guard field.value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }),
                let value = String(validating: field.value, as: UTF8.self)
            else { throw .badRequest("The header \(name) holds bytes that are not text in UTF-8.") }
            headers.append(Headers.Field(name: name, value: trimmed(value)))
        }
        return Headers(headers)
    }
}

/// Whether a byte may stand in a method or a header name (RFC 9110, section 5.6.2).
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
    default: false
    }
}

private func trimmed(_ text: String) -> String {
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    guard let first = text.utf8.first, let last = text.utf8.last, isBlank(first) || isBlank(last) else { return text }
    var bytes = text.utf8.drop(while: isBlank)
    while let last = bytes.last, isBlank(last) { bytes.removeLast() }
    return String(Substring(bytes))
}
