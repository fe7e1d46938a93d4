import Foundation

/// The repository that these tests were built from.
enum Repository {
    /// Its top folder.
    static let top = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The names at its top.
    static func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: top.path) }

    /// The text of one file.
    static func text(_ path: String) throws -> String {
        try String(contentsOf: top.appending(path: path), encoding: .utf8)
    }

    /// Every file below the allowed entries of the top, sorted by path; what is built or fetched is left out.
    static func files() throws -> [HouseFile] {
        try names().filter(TopLevel.allowed.contains).flatMap { try files(at: $0) }.sorted { $0.path < $1.path }
    }

    private static func files(at path: String) throws -> [HouseFile] {
        var isDirectory: ObjCBool = false
        let full = top.appending(path: path)
        guard FileManager.default.fileExists(atPath: full.path, isDirectory: &isDirectory) else { return [] }
        guard isDirectory.boolValue else {
            let text = String(data: try Data(contentsOf: full), encoding: .utf8) ?? ""
            return [HouseFile(path: path, text: text)]
        }
        return try FileManager.default.contentsOfDirectory(atPath: full.path)
            .filter { !["__pycache__", ".venv", ".build"].contains($0) }
            .flatMap { try files(at: path + "/" + $0) }
    }
}
