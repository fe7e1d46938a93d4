import Glibc

/// Tells that something has changed in a folder, by inotify(7).
final class FolderWatch {
    private let file: Int32

    /// Watches what is written, made, moved and removed in a folder from now on.
    init(_ path: String) {
        file = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        precondition(file >= 0, "no inotify: \(errno)")
        let added = inotify_add_watch(file, path, UInt32(IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVE))
        precondition(added >= 0, "\(path) cannot be watched: \(errno)")
    }

    deinit { close(file) }

    /// Waits for a change since the last call, at most so many seconds; false when there was none.
    func change(within seconds: Double) -> Bool {
        var poll = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, Int32(max(0, seconds) * 1_000)) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while read(file, &buffer, buffer.count) > 0 {}
        return true
    }
}
