/// The hosts this server answers for: a page of another site cannot reach it through a name of its own (DNS rebinding).
struct HostRule: Sendable {
    /// A host as a `Host` field names it.
    struct Host: Sendable, Hashable {
        /// The name or address in lower case; a version 6 address in its brackets.
        let name: String
        /// The port; nil where none was given.
        let port: Int?

        /// Reads `name`, `name:port`, `[address]` or `[address]:port`; nil for anything else.
        init?(_ text: String) {
            var rest = text[...]
            if rest.first == "[" {
                guard let end = rest.firstIndex(of: "]") else { return nil }
                name = rest[...end].lowercased()
                guard name.utf8.dropFirst().dropLast().allSatisfy(isAddressByte), name.utf8.count > 3 else {
                    return nil
                }
                rest = rest[rest.index(after: end)...]
            } else {
                name = rest.prefix { $0 != ":" }.lowercased()
                guard !name.isEmpty, name.utf8.allSatisfy(isNameByte) else { return nil }
                rest = rest.drop { $0 != ":" }
            }
            if rest.isEmpty {
                port = nil
                return
            }
            let digits = rest.dropFirst().utf8
            guard rest.first == ":", !digits.isEmpty, digits.count <= 5, digits.allSatisfy(isDigit),
                let number = Int(rest.dropFirst()), number <= 65_535
            else { return nil }
            port = number
        }
    }

    private let allowed: [Host]

    /// Makes a rule of the loopback names, the address listened on and the names an operator adds.
    init(address: String, names: [String]) {
        let own = address.contains(":") ? "[\(address)]" : address
        allowed = (["localhost", "127.0.0.1", "[::1]", own] + names).compactMap { Host($0) }
    }

    /// Whether the server answers for `host`; a name that was allowed without a port is allowed with any.
    func allows(_ host: Host) -> Bool {
        allowed.contains { $0.name == host.name && ($0.port == nil || $0.port == host.port) }
    }
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

private func isAddressByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte >= 0x61 && byte <= 0x66) || byte == 0x3A || byte == 0x2E
}

private func isNameByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte >= 0x61 && byte <= 0x7A) || byte == 0x2D || byte == 0x2E || byte == 0x5F
}
