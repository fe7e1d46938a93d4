internal import Glibc
internal import Platform
internal import Synchronization

/// One open connection. All but the deadline belongs to the server thread that serves it.
final class Link: @unchecked Sendable {
    // SAFETY: `target`, `targetStart`, `lastHead` and `isUnread` are touched by the connection's own server thread only; the rest is constant
    // or atomic.

    /// The connection's socket; open as long as the link is registered.
    let socket: Int32
    /// The client's IP address, without the port.
    let remoteAddress: String
    /// The target of the request that is being read, as it was sent.
    var target: [UInt8] = []
    /// Whether the client may still be sending when the connection is closed.
    var isUnread = false
    /// The last head that was read from it, where it will do for the same one again.
    var lastHead: ReadHead?
    /// Where the library keeps the target.
    var targetStart: UnsafeRawPointer?

    private let deadline = Atomic<Int64>(.max)

    /// Makes a link.
    init(socket: Int32, remoteAddress: String) {
        self.socket = socket
        self.remoteAddress = remoteAddress
    }

    /// Sets the time by which the client must have done what it is at; nil while it is the server's turn.
    func expect(by time: Duration?) {
        deadline.store(time?.microseconds ?? .max, ordering: .relaxed)
    }

    /// Has the kernel break the connection when what was sent is not acknowledged for so long: a client that vanished would
    /// else be written to for a quarter of an hour.
    func limitSilence(seconds: UInt32) {
        var milliseconds = seconds * 1_000
        setsockopt(
            socket, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, socklen_t(MemoryLayout<UInt32>.size))
    }

    /// Whether the client has taken too long.
    func isLate(at now: Duration) -> Bool {
        deadline.load(ordering: .relaxed) <= now.microseconds
    }
}
