internal import Model
internal import Platform
internal import SQLite

/// The encodings of the texts of a load's two files, which SQLite can only read together when they are the same.
struct Encodings {
    /// That of a file which is made without saying another.
    static let usual = "UTF-8"

    private let request: LoadRequest

    init(_ request: LoadRequest) {
        self.request = request
    }

    /// Refuses a source of another encoding than that of the destination to be.
    func refuseOther(than encoding: String, _ stop: StopToken) throws(LoadStop) {
        let source = try Encodings.encoding(of: request.source, stop)
        if source != encoding { throw .failure(failure(source, encoding)) }
    }

    /// Refuses the two files.
    func refuse(_ stop: StopToken) throws(LoadStop) {
        try refuseOther(than: Encodings.encoding(of: request.destination, stop), stop)
    }

    private static func encoding(of file: DatabaseFile, _ stop: StopToken) throws(LoadStop) -> String {
        do throws(SQLiteError) {
            let connection = try Connection(path: file.path, access: .readOnly, stop: stop)
            defer { connection.close() }
            return try connection.first("PRAGMA main.encoding")?[0].string ?? usual
        } catch {
            throw .sqlite(error)
        }
    }

    private func failure(_ source: String, _ destination: String) -> Failure {
        Failure(
            .unsupported,
            "the texts of \(request.source.path) are \(source), those of \(request.destination.path) \(destination); "
                + "a load needs both in one encoding",
            hint: "make a copy of the source in \(destination), or load into a file that was made with "
                + "PRAGMA encoding = '\(source)'; an encoding is fixed when a file is made",
            field: "destination.connection")
    }
}
