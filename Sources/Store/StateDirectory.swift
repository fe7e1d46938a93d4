internal import Glibc
internal import Platform
internal import Synchronization

/// The directory that holds the control database, with the lock that keeps a second server out.
final class StateDirectory: Sendable {
    /// The control database's file.
    let databasePath: String
    private let lock: Mutex<Int32>

    /// Makes the directory (mode 0700) where there is none, locks it and makes the database file private.
    ///
    /// Fails as `directoryInUse` while another process holds the lock.
    init(_ path: String, log: Log) throws(StoreError) {
        let operation = "use the state directory \(path)"
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw StoreError(.unusableDirectory, operation, "the path is empty or holds a NUL byte")
        }
        try StateDirectory.make(path, operation)
        let lockPath = path + "/strandline.lock"
        let file = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw StateDirectory.failure(operation, lockPath) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let owner = StateDirectory.read(file)
            close(file)
            guard code == EWOULDBLOCK else { throw StateDirectory.failure(operation, lockPath, code) }
            throw StoreError(
                .directoryInUse, operation, "another server\(owner.isEmpty ? "" : ", process \(owner),") uses it",
                hint: "stop that server, or give this one another --state-dir")
        }
        lock = Mutex(file)
        databasePath = path + "/control.db"
        let owner = Array("\(getpid())\n".utf8)
        if ftruncate(file, 0) != 0 || pwrite(file, owner, owner.count, 0) != owner.count {
            // The number only helps a person; the lock holds without it.
            log.debug("cannot write the lock's owner", ["path": lockPath])
        }
        try StateDirectory.makePrivate(databasePath, operation, log)
    }

    deinit {
        release()
    }

    /// Lets another server in; the database must be closed.
    func release() {
        lock.withLock { file in
            if file >= 0 { close(file) }
            file = -1
        }
    }

    /// Bytes of the database's write-ahead log; 0 where there is none.
    var logBytes: Int {
        var status = stat()
        return stat(databasePath + "-wal", &status) == 0 ? Int(status.st_size) : 0
    }

    private static func make(_ path: String, _ operation: String) throws(StoreError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw StoreError(.unusableDirectory, operation, "\(path) is not a directory")
            }
            return
        }
        // Each missing part of the path in turn, as `mkdir -p` does.
        var end = path.utf8.startIndex
        while end < path.utf8.endIndex {
            end = path.utf8[path.utf8.index(after: end)...].firstIndex(of: UInt8(ascii: "/")) ?? path.utf8.endIndex
            let part = String(path[..<end])
            if mkdir(part, 0o700) != 0, errno != EEXIST { throw failure(operation, part) }
        }
    }

    /// SQLite gives its other files the mode of this one, so it is made, or made private, before SQLite opens it.
    private static func makePrivate(_ path: String, _ operation: String, _ log: Log) throws(StoreError) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard file >= 0 else { throw failure(operation, path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure(operation, path) }
        guard status.st_mode & 0o077 != 0 else { return }
        log.warn("the control database was open to other users", ["path": path])
        guard fchmod(file, 0o600) == 0 else { throw failure(operation, path) }
    }

    private static func read(_ file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 20)
        let count = pread(file, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)).prefix { (48...57).contains($0) }, as: UTF8.self)
    }

    private static func failure(_ operation: String, _ path: String, _ code: Int32 = errno) -> StoreError {
        StoreError(
            code == ENOSPC ? .diskFull : .unusableDirectory, operation, "\(path): \(String(cString: strerror(code)))",
            hint: "make it a directory that the server's user may write")
    }
}
