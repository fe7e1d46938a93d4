internal import Glibc
internal import Model

/// Who gets lineage events.
enum LineageReceiver: Sendable, Equatable {
    /// An address, to which each is posted.
    case url(String)
    /// A file, to which each is added as a line.
    case file(String)

    /// Reads what is given on the command line; nil, and what is wrong, where it is neither.
    static func read(_ text: String) -> (receiver: LineageReceiver?, fault: String?) {
        if text.contains("://") {
            if let fault = WebAddress.fault(text) { return (nil, "it \(fault)") }
            return (.url(text), nil)
        }
        let folder = text.lastIndex(of: "/").map { String(text[...$0]) } ?? "."
        guard !text.isEmpty, !FileText.isDirectory(text), FileText.isDirectory(folder) else {
            return (nil, "it takes an address such as http://localhost:5000/api/v1/lineage, or a file in a directory")
        }
        return (.file(text), nil)
    }
}

/// A file to which lines are added; one writer at a time.
struct LineFile: Sendable {
    private let path: String

    /// Makes the file of a path; it is opened for each line, so that it may be moved away.
    init(path: String) {
        self.path = path
    }

    /// Adds a line that is on the disk when this returns; nil, or why it is not. One that is only partly written is taken
    /// back, and one that a crash has left is closed off.
    func add(_ line: String) -> String? {
        let file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { return reason("the file of lineage events cannot be opened") }
        defer { close(file) }
        let end = lseek(file, 0, SEEK_END)
        guard end >= 0 else { return reason("the file of lineage events is none that can be added to") }
        var last: UInt8 = 0x0A
        if end > 0 { _ = pread(file, &last, 1, end - 1) }
        let bytes = (last == 0x0A ? [] : [0x0A]) + Array(line.utf8) + [0x0A]
        guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0 else {
            let reason = reason("the file of lineage events cannot be written")
            _ = ftruncate(file, end)
            return reason
        }
        return nil
    }

    private func reason(_ what: String) -> String { what + ": " + String(cString: strerror(errno)).lowercased() }
}
