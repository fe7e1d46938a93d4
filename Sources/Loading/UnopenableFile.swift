internal import Glibc
internal import Model

/// A file that SQLite could not open, looked at again for the reason, which SQLite's own words leave open.
struct UnopenableFile {
    let path: String
    /// Whether a load writes to it, and makes it where it is missing.
    let isWritten: Bool

    private var folder: String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// The failure for people; `field` is the step's field that names the file's connection.
    func failure(_ message: String, field: String?) -> Failure {
        var status = stat()
        if stat(path, &status) != 0, errno == ENOENT {
            if !isWritten {
                return Failure(
                    .missingFile, "\(path) does not exist",
                    hint: "correct the connection's path, or create the database", field: field)
            }
            if stat(folder, &status) != 0, errno == ENOENT {
                return Failure(
                    .missingFile, "\(path): its folder does not exist",
                    hint: "create the folder, or correct the connection's path", field: field)
            }
        }
        if let reason = refusal {
            return Failure(
                .readOnly, "\(path) cannot be opened: \(reason)",
                hint: "give the server's user permission on the file and its folder, which a database in WAL mode "
                    + "needs also for reading", field: field)
        }
        return Failure(
            .inputOutput, "\(path) cannot be opened: \(message)",
            hint: "look at the file and its folder; the run is tried again by itself", field: field, isTransient: true)
    }

    /// Why the system lets this process not read the file, or not write to it or its folder; nil when it does.
    private var refusal: String? {
        let written = isWritten ? [(path, W_OK)] : []
        for (place, mode) in [(folder, X_OK), (path, R_OK)] + written + [(folder, W_OK)]
        where access(place, mode) != 0 && errno != ENOENT {
            return "\(place): " + String(cString: strerror(errno))
        }
        return nil
    }
}
