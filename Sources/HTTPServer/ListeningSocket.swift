internal import Glibc

/// The socket that takes new connections; ours, so that its address, its errors and its end are ours to decide.
struct ListeningSocket: Sendable {
    /// The socket: non-blocking, closed on exec.
    let descriptor: Int32
    /// The port; the one the kernel chose where 0 was asked for.
    let port: Int

    /// Opens, binds and listens.
    init(address: String, port: Int) throws(ListenError) {
        let endpoint = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        guard (0...65_535).contains(port) else {
            throw ListenError(
                code: .badAddress, endpoint: endpoint, cause: "there is no such port", hint: "use 0 to 65535")
        }
        var (name, length) = try ListeningSocket.name(address, port, endpoint)
        let family = Int32(name.ss_family)
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw ListeningSocket.error(errno, endpoint) }
        do throws(ListenError) {
            var on: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
            if family == AF_INET6 {
                setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, socklen_t(MemoryLayout<Int32>.size))
            }
            let bound = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            guard bound == 0, listen(descriptor, Int32(SOMAXCONN)) == 0 else {
                throw ListeningSocket.error(errno, endpoint)
            }
            let named = withUnsafeMutablePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
            }
            guard named == 0 else { throw ListeningSocket.error(errno, endpoint) }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.port = withUnsafeBytes(of: &name) { bytes in
            // Both families keep the port in the third and fourth byte, the high one first.
            Int(bytes[2]) << 8 | Int(bytes[3])
        }
    }

    /// Closes the socket; only for one that no server was started on, as a server closes its own.
    func close() {
        Glibc.close(descriptor)
    }

    private static func name(
        _ address: String, _ port: Int, _ endpoint: String
    ) throws(ListenError) -> (sockaddr_storage, socklen_t) {
        var storage = sockaddr_storage()
        let text = address == "localhost" ? "127.0.0.1" : address
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if inet_pton(AF_INET, text, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = in_port_t(port).bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: four, as: sockaddr_in.self) }
            return (storage, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        if inet_pton(AF_INET6, text, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = in_port_t(port).bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: six, as: sockaddr_in6.self) }
            return (storage, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
        throw ListenError(
            code: .badAddress, endpoint: endpoint, cause: "'\(address)' is not an IP address",
            hint: "use localhost, 127.0.0.1, ::1 or another address of this machine")
    }

    private static func error(_ number: Int32, _ endpoint: String) -> ListenError {
        let cause = String(cString: strerror(number))
        switch number {
        case EADDRINUSE:
            return ListenError(
                code: .addressInUse, endpoint: endpoint, cause: "another program listens there",
                hint: "stop it or choose another port with --listen")
        case EADDRNOTAVAIL:
            return ListenError(
                code: .addressUnavailable, endpoint: endpoint, cause: "this machine has no such address",
                hint: "choose one of its own with --listen")
        case EACCES, EPERM:
            return ListenError(
                code: .notPermitted, endpoint: endpoint, cause: cause, hint: "choose a port above 1023 with --listen")
        default:
            return ListenError(
                code: .failed, endpoint: endpoint, cause: cause, hint: "choose another address with --listen")
        }
    }
}
