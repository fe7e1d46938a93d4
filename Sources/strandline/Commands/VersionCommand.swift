internal import Documents
internal import HTTPClient
internal import HTTPServer
internal import Model
internal import SQLite

/// `strandline version`.
struct VersionCommand: Command {
    static let form = CommandForm(
        name: "version", summary: "Show the versions of the program and of the libraries it runs on.",
        options: [.flag("json", "Write JSON.")])

    /// The program's version.
    static let program = "0.1.0"

    /// The libraries that it runs on, with their versions.
    static var libraries: [(name: String, version: String)] {
        [
            ("sqlite", SQLiteLibrary.version), ("libmicrohttpd", MicroHTTPLibrary.version),
            ("libyaml", YAMLLibrary.version), ("libcurl", CurlLibrary.version),
        ]
    }

    private let isJSON: Bool

    init(_ arguments: Arguments, problems: inout [String]) {
        isJSON = arguments.flag("json")
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let libraries = VersionCommand.libraries
        if isJSON {
            let members = [("strandline", VersionCommand.program)] + libraries
            terminal.line(JSONValue.object(members.map { JSONValue.Member($0.0, .string($0.1)) }).text(pretty: true))
            return .success
        }
        terminal.line("strandline \(VersionCommand.program)")
        for (name, version) in libraries { terminal.line("  \(name) \(version)") }
        return .success
    }
}
