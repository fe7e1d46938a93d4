internal import Glibc

/// The IP address of a socket address as text; a version 4 address that came through a version 6 socket as version 4.
func remoteAddress(_ address: UnsafePointer<sockaddr>?) -> String {
    guard let address else { return "-" }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = Int32(address.pointee.sa_family)
    let raw = UnsafeRawPointer(address)
    switch family {
    case AF_INET:
        var host = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
        inet_ntop(family, &host, &text, socklen_t(text.count))
    case AF_INET6:
        var host = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
        inet_ntop(family, &host, &text, socklen_t(text.count))
    default: return "-"
    }
    let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let mapped = "::ffff:"
    return name.hasPrefix(mapped) && name.contains(".") ? String(name.dropFirst(mapped.utf8.count)) : name
}
