internal import CSQLite
internal import Glibc

/// A plain file path made into the URI that SQLite opens, so that no path is ever read as a URI or as `:memory:`.
struct DatabasePath {
    let path: String
    let access: Connection.Access

    /// The path percent-encoded, with the mode.
    var uri: String {
        // An authority that is empty, or a leading "./", keeps "//host/x" and ":memory:" what they are: names of files.
        var uri = path.utf8.first == UInt8(ascii: "/") ? "file://" : "file:./"
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                uri.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                uri.unicodeScalars.append("%")
                uri.unicodeScalars.append(digits[Int(byte >> 4)])
                uri.unicodeScalars.append(digits[Int(byte & 15)])
            }
        }
        switch access {
        case .readOnly: return uri + "?mode=ro"
        case .readWrite: return uri + "?mode=rw"
        case .create: return uri + "?mode=rwc"
        }
    }

    /// Refuses what SQLite would misread, wait on or name badly: no name, a NUL, no file, a directory, a device.
    func check() throws(SQLiteError) {
        if path.isEmpty { throw failure(SQLITE_CANTOPEN, "the path is empty; give the path of a database file") }
        if path.utf8.contains(0) { throw failure(SQLITE_CANTOPEN, "the path holds a NUL byte") }
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT, access == .create { return }
            let reason = errno == ENOENT ? "there is no such file" : String(cString: strerror(errno))
            throw failure(SQLITE_CANTOPEN, reason)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw failure(CodeOf.cannotOpenDirectory, "it is a directory; give the path of a database file")
        default: throw failure(SQLITE_CANTOPEN, "it is not a regular file")
        }
    }

    /// Refuses a file that SQLite has opened for reading only although writing was asked for.
    func checkWritable(_ database: OpaquePointer, _ name: String) throws(SQLiteError) {
        guard access != .readOnly, sqlite3_db_readonly(database, name) == 1 else { return }
        throw failure(SQLITE_READONLY, "the file cannot be written; check its permissions and its file system")
    }

    /// The error for this file, in words that help more than SQLite's where there are such.
    func failure(_ error: SQLiteError) -> SQLiteError {
        switch error.primaryCode {
        case SQLITE_NOTADB: failure(error.code, "the file is not a SQLite database")
        case SQLITE_CANTOPEN where access != .create,
            SQLITE_READONLY where access == .readOnly:
            failure(
                error.code,
                "\(error.message); a database in WAL mode needs a directory that can be written, also for reading")
        default: failure(error.code, error.message)
        }
    }

    private func failure(_ code: Int32, _ message: String) -> SQLiteError {
        SQLiteError(code: code, operation: "open \(path)", message: message)
    }
}
