internal import Glibc
internal import HTTPServer
internal import Platform

/// The files of the page: those below one folder, read afresh for each request on a thread of their own.
///
/// No link below the folder is followed, and names that begin with a dot are not served.
final class StaticFiles: Sendable {
    private let folder: String
    private let lane = Lane(name: "files", capacity: Limits.waitingFileReads)

    /// Starts the thread.
    init(folder: String) {
        self.folder = folder
    }

    /// Ends the thread.
    func stop() { lane.stop() }

    /// Answers a request for the file at `path`, segments below the folder.
    func answer(_ path: [String], _ headers: Headers, _ waiting: Waiting) {
        let held = headers.all("If-None-Match")
        let isTaken = lane.submit { [self] cancelled in
            guard !cancelled else { return waiting.fail(Problem(503, "stopping", "The server is stopping.")) }
            waiting.finish { () throws(Problem) in try answer(path, held) }
        }
        if !isTaken { waiting.fail(Problem(503, "overloaded", "Too many files are being read; try again.")) }
    }

    private func answer(_ path: [String], _ held: [String]) throws(Problem) -> Answer {
        guard let name = path.last, path.allSatisfy(StaticFiles.isServed), let file = open(path) else {
            throw Problem(HTTPError.notFound)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw Problem(HTTPError.notFound) }
        let changed = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
        let tag = EntityTag(file: String(changed, radix: 16) + "-" + String(status.st_size, radix: 16))
        // Held by browsers, but asked for each time, so that a page and its scripts never differ in age.
        var fields = [("ETag", tag.text), ("Cache-Control", "no-cache")]
        // Also where the page is held: a browser puts the fields of a 304 in the place of those that it holds.
        if name.hasSuffix(".html") { fields.append(("Content-Security-Policy", SecurityHeaders.page)) }
        if tag.isHeld(held) { return Answer(304, headers: fields) }
        guard status.st_size <= Limits.staticFileBytes, let bytes = read(file, Int(status.st_size)) else {
            throw Problem(500, "internal_error", "The file cannot be read, or is too large to be served.")
        }
        fields.insert(("Content-Type", StaticFiles.contentType(name)), at: 0)
        return Answer(200, .bytes(bytes), headers: fields)
    }

    /// Opens folder by folder, so that a link anywhere on the way is refused; nil when there is no such file.
    private func open(_ path: [String]) -> Int32? {
        var here = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for (place, name) in path.enumerated() {
            guard here >= 0 else { return nil }
            let kind = place == path.count - 1 ? O_NONBLOCK : O_DIRECTORY
            let next = openat(here, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | kind)
            close(here)
            here = next
        }
        return here >= 0 ? here : nil
    }

    private func read(_ file: Int32, _ size: Int) -> [UInt8]? {
        var isComplete = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let part = Glibc.read(file, buffer.baseAddress.map { $0 + count }, size - count)
                if part < 0, errno == EINTR { continue }
                guard part > 0 else {
                    isComplete = part == 0
                    return
                }
                count += part
            }
        }
        return isComplete ? bytes : nil
    }

    private static func isServed(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/"))
            && name.utf8.allSatisfy { $0 >= 0x20 }
    }

    private static func contentType(_ name: String) -> String {
        let types = [
            "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
            "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
            "json": "application/json", "map": "application/json", "svg": "image/svg+xml", "png": "image/png",
            "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "ico": "image/x-icon",
            "woff2": "font/woff2", "txt": "text/plain; charset=utf-8", "yaml": "application/yaml",
        ]
        return types[name.split(separator: ".").last?.lowercased() ?? ""] ?? "application/octet-stream"
    }
}

extension Problem {
    /// The server's own refusal.
    init(_ error: HTTPError) {
        self.init(error.status, error.code, error.detail, headers: error.headers)
    }
}
