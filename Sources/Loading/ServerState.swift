internal import Glibc

/// The directory of the server's own state, where no source or destination may lie.
///
/// A load there would read what the server keeps private, or write its control database behind its back.
struct ServerState: Sendable {
    private static let files = ["control.db", "control.db-wal", "control.db-shm", "strandline.lock"]
    private let directory: String

    /// Names the directory; it need not exist yet, so every question looks anew.
    init(_ directory: String) {
        self.directory = directory
    }

    /// Whether a path without links leads into the directory, or is another name for a file of it.
    ///
    /// A data root that lies deeper in the directory is the user's own place there.
    func holds(_ path: String, roots: [String]) -> Bool {
        guard let resolved = realpath(directory, nil) else { return false }
        defer { free(resolved) }
        guard let folder = String(validatingCString: resolved) else { return false }
        if ServerState.isBelow(path, folder) {
            let hasRoot = roots.contains { ServerState.isBelow($0, folder) && ServerState.isBelow(path, $0) }
            if !hasRoot { return true }
        }
        var found = stat()
        guard stat(path, &found) == 0 else { return false }
        return ServerState.files.contains { name in
            var own = stat()
            return stat(folder + "/" + name, &own) == 0 && own.st_dev == found.st_dev && own.st_ino == found.st_ino
        }
    }

    private static func isBelow(_ path: String, _ folder: String) -> Bool {
        path.utf8.starts(with: (folder == "/" ? "/" : folder + "/").utf8)
    }
}
