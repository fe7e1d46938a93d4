internal import Glibc
internal import Synchronization

/// The open connections; cuts those whose client takes too long.
final class Links: Sendable {
    private let open = Mutex<[Int32: Link]>([:])
    private let number = Atomic<Int>(0)

    /// How many connections are open.
    var count: Int { number.load(ordering: .relaxed) }

    /// Takes up a new connection.
    func add(_ link: Link) {
        open.withLock { $0[link.socket] = link }
        number.add(1, ordering: .relaxed)
    }

    /// Forgets a connection; must be called before its socket is closed.
    func remove(_ link: Link) {
        open.withLock { _ = $0.removeValue(forKey: link.socket) }
        number.subtract(1, ordering: .relaxed)
    }

    /// Shuts the connections whose client is late; answers their addresses.
    ///
    /// Under the lock that `remove` takes, so that a number is never that of another file by now.
    func cutLate(at now: Duration) -> [String] {
        open.withLock { open in
            var cut: [String] = []
            for link in open.values where link.isLate(at: now) {
                shutdown(link.socket, Int32(SHUT_RDWR))
                link.expect(by: nil)
                cut.append(link.remoteAddress)
            }
            return cut
        }
    }
}
