internal import Glibc

/// An address of the internet protocol, of version 4 or 6.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// Its 4 or 16 bytes, the most significant first.
    public let bytes: [UInt8]

    /// Reads an address such as `10.0.0.1` or `fe80::1`; nil for anything else, also for other spellings of a number.
    public init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            bytes = withUnsafeBytes(of: &six) { Array($0) }
        } else {
            return nil
        }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The address that a socket would be connected to; nil for one of another family.
    init?(_ address: UnsafePointer<sockaddr>) {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
            }
        case AF_INET6:
            bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
            }
        default: return nil
        }
    }

    /// The address as it is written.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The address of version 4 that one of version 6 stands for: mapped, or translated (RFC 6052); else itself.
    var unwrapped: IPAddress {
        guard bytes.count == 16 else { return self }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        let isTranslated = bytes[..<12].elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
        return isMapped || isTranslated ? IPAddress(bytes: Array(bytes[12...])) : self
    }

    /// Whether anybody on the internet can have it: neither this machine, nor a private or link-local network, nor one of
    /// the ranges that are kept for something special (RFC 6890).
    public var isPublic: Bool {
        let address = unwrapped
        if address.bytes.count == 4 { return !IPNetwork.special.contains { $0.contains(address) } }
        return IPNetwork.global.contains { $0.contains(address) }
            && !IPNetwork.specialInGlobal.contains { $0.contains(address) }
    }
}

/// A range of addresses that begin with the same bits.
public struct IPNetwork: Sendable, Hashable {
    /// The first address.
    public let address: IPAddress
    /// How many bits are the same.
    public let prefix: Int

    /// Reads a network such as `10.0.0.0/8`, or a single address; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        let bits = address.bytes.count * 8
        self.address = address
        guard parts.count == 2 else {
            prefix = bits
            return
        }
        guard let prefix = Int(parts[1]), (0...bits).contains(prefix), parts[1].utf8.allSatisfy({ $0 != 0x2B }) else {
            return nil
        }
        self.prefix = prefix
    }

    /// Whether an address lies in it.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        for (place, (left, right)) in zip(address.bytes, other.bytes).enumerated() {
            let bits = min(max(0, prefix - place * 8), 8)
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            if left & mask != right & mask { return false }
        }
        return true
    }

    /// What is not public of version 4, by the registry of special addresses; multicast and the future's included.
    fileprivate static let special = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    ].compactMap { IPNetwork($0) }

    /// Where the public addresses of version 6 lie.
    fileprivate static let global = ["2000::/3"].compactMap { IPNetwork($0) }

    /// What is not public in there: protocols, tunnels to version 4, documentation.
    fileprivate static let specialInGlobal = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].compactMap {
        IPNetwork($0)
    }
}

/// Which addresses may be connected to: public ones, and those that an operator allows.
public struct AddressRule: Sendable {
    /// What is allowed beside public addresses.
    public var allowed: [IPNetwork]

    /// Makes a rule; only public addresses unless said.
    public init(allowed: [IPNetwork] = []) {
        self.allowed = allowed
    }

    /// Whether an address may be connected to.
    public func permits(_ address: IPAddress) -> Bool {
        address.isPublic || allowed.contains { $0.contains(address) || $0.contains(address.unwrapped) }
    }
}
