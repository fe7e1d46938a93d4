internal import Glibc
internal import Platform

/// Reads whole files.
enum FileText {
    /// The bytes of a file of at most `limit` bytes; `-` stands for standard input.
    static func read(_ path: String, limit: Int = Limits.requestBodyBytes) throws(CommandError) -> [UInt8] {
        let isInput = path == "-"
        let file = isInput ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw CommandError(message: "\(path) is a directory") }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(path) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= limit else {
                throw CommandError(message: "\(path) is larger than \(limit) bytes", hint: "Split it.")
            }
        }
    }

    private static func failure(_ path: String) -> CommandError {
        CommandError(message: "cannot read \(path): \(String(cString: strerror(errno)))")
    }

    /// Whether a path is a directory.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The YAML and JSON files of a directory in the order of their names; hidden ones are passed over.
    static func documents(in directory: String) throws(CommandError) -> [String] {
        guard let stream = opendir(directory) else { throw failure(directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let isDocument = [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
            if isDocument, !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted().map { directory.hasSuffix("/") ? directory + $0 : directory + "/" + $0 }
    }
}
