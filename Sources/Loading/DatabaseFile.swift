internal import Glibc
public import Model

/// A database file after its path was resolved and found to lie under a data root.
public struct DatabaseFile: Sendable, Hashable {
    /// The absolute path without links.
    public let path: String
    /// Names the file whatever path leads to it: device and inode, or the path while the file does not exist.
    ///
    /// Two loads whose destinations share it never run at the same time.
    public let identity: String

    init(path: String, identity: String) {
        self.path = path
        self.identity = identity
    }

    /// Whether the file exists now.
    public var exists: Bool {
        var status = stat()
        return stat(path, &status) == 0
    }
}

/// The folders under which sources and destinations must lie.
public struct DataRoots: Sendable {
    /// The folders, resolved; the first one is where relative paths start.
    public let folders: [String]
    private let state: ServerState?

    /// Resolves the folders; fails when one is missing or is no folder.
    ///
    /// Nothing in `stateDirectory`, where the server keeps its own state, counts as a source or destination.
    public init(_ folders: [String], stateDirectory: String? = nil) throws(Failure) {
        state = stateDirectory.map { ServerState($0) }
        var resolved: [String] = []
        for folder in folders {
            guard let path = DataRoots.resolve(folder), DataRoots.kind(of: path) == .folder else {
                throw Failure(
                    .missingFile, "the data root \(folder) does not exist or is not a directory",
                    hint: "create it, or name another with --data-root", field: "data-root")
            }
            resolved.append(path)
        }
        self.folders = resolved
    }

    /// Resolves the path of a connection, with every link followed, and holds it to the roots.
    ///
    /// A relative path starts at the first root. A file that does not exist is allowed when its folder does. A path outside the roots fails in the same words whether or not something is there.
    public func resolve(_ path: String) throws(Failure) -> DatabaseFile {
        try refuseOddSpelling(path)
        let absolute = path.utf8.first == DataRoots.slash ? path : (folders.first ?? "/") + "/" + path
        let outside = Failure(
            .outsideDataRoot, "\(path) lies outside the data roots",
            hint: "use a path below \(folders.joined(separator: " or ")), or start the server with --data-root FOLDER")
        let (folder, name) = DataRoots.split(absolute)
        guard !name.isEmpty, name != ".", name != "..", let parent = DataRoots.resolve(folder) else {
            // Saying that a folder is missing is safe only where the user may look.
            guard isInside(DataRoots.lexicallyResolved(absolute)), isBelowRoot(absolute) else { throw outside }
            throw Failure(
                .missingFile, "\(path): its folder does not exist", hint: "create the folder, or correct the path")
        }
        let unresolved = parent == "/" ? "/" + name : parent + "/" + name
        guard let resolved = DataRoots.resolve(unresolved) else {
            guard isInside(unresolved) else { throw outside }
            guard DataRoots.kind(ofLinkItself: unresolved) == nil else {
                guard leadsInside(unresolved) else { throw outside }
                throw Failure(
                    .missingFile, "\(path) is a link that leads nowhere", hint: "correct or remove the link")
            }
            try refuseState(unresolved, path)
            return DatabaseFile(path: unresolved, identity: unresolved)
        }
        guard isInside(resolved) else { throw outside }
        try refuseState(resolved, path)
        try refuseOddSpelling(resolved)
        switch DataRoots.kind(of: resolved) {
        case .file(let identity): return DatabaseFile(path: resolved, identity: identity)
        case .folder:
            throw Failure(
                .isDirectory, "\(path) is a directory, not a SQLite database",
                hint: "name the database file inside it")
        default:
            throw Failure(
                .notADatabase, "\(path) is not a regular file", hint: "name a SQLite database file")
        }
    }

    /// Refuses a place in the server's own state; `path` is how the user wrote it.
    private func refuseState(_ resolved: String, _ path: String) throws(Failure) {
        guard let state, state.holds(resolved, roots: folders) else { return }
        throw Failure(
            .serverState, "\(path) leads into the server's own state directory",
            hint: "use a database of your own outside it; --state-dir says where the state lies", field: "path")
    }

    /// Refuses what SQLite, but not the file system, would give a meaning of its own.
    private func refuseOddSpelling(_ path: String) throws(Failure) {
        let lowered = path.lowercased()
        let reason: String? =
            if path.isEmpty {
                "is empty"
            } else if lowered.hasPrefix("file:") {
                "starts with file:, and URIs are not accepted"
            } else if lowered == ":memory:" {
                "means a database in memory, which would vanish with the run"
            } else if path.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
                "holds a control character"
            } else if ["-wal", "-shm", "-journal"].contains(where: {
                path.utf8.reversed().starts(with: $0.utf8.reversed())
            }) {
                "names a part of another database"
            } else {
                nil
            }
        guard let reason else { return }
        throw Failure(
            .invalidPath, "the path \"\(path)\" \(reason)", hint: "write a plain file path such as shop.db",
            field: "path")
    }

    // Paths are bytes to the system. Swift's characters are not: a slash and an accent after it are one of them.

    private static let slash = UInt8(ascii: "/")

    private func isInside(_ path: String) -> Bool {
        folders.contains { $0 == "/" || path.utf8.starts(with: ($0 + "/").utf8) }
    }

    /// Whether the nearest folder that exists on the way to `path` is a root or lies inside one.
    private func isBelowRoot(_ path: String) -> Bool {
        var folder = path
        while folder != "/" {
            folder = DataRoots.split(folder).folder
            if let resolved = DataRoots.resolve(folder) { return folders.contains(resolved) || isInside(resolved) }
        }
        return folders.contains("/")
    }

    /// Whether a link that leads nowhere would lead to a place inside the roots.
    private func leadsInside(_ link: String) -> Bool {
        var path = link
        for _ in 0..<40 {
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(path, &target, target.count - 1)
            guard count > 0 else { return isInside(path) && isBelowRoot(path) }
            let text = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            path = DataRoots.lexicallyResolved(
                text.utf8.first == DataRoots.slash ? text : DataRoots.split(path).folder + "/" + text)
        }
        return false
    }

    private enum Kind: Equatable {
        case file(identity: String)
        case folder, other
    }

    private static func kind(of path: String) -> Kind? {
        var status = stat()
        return stat(path, &status) == 0 ? kind(status) : nil
    }

    private static func kind(ofLinkItself path: String) -> Kind? {
        var status = stat()
        return lstat(path, &status) == 0 ? kind(status) : nil
    }

    private static func kind(_ status: stat) -> Kind {
        switch status.st_mode & S_IFMT {
        case S_IFREG: .file(identity: "\(status.st_dev):\(status.st_ino)")
        case S_IFDIR: .folder
        default: .other
        }
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: slash) else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.utf8.index(after: slash)...]))
    }

    /// The path with `.` and `..` worked out on paper, for a path whose folder does not exist.
    private static func lexicallyResolved(_ path: String) -> String {
        var parts: [String] = []
        for part in path.utf8.split(separator: slash).map({ String(Substring($0)) }) where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
