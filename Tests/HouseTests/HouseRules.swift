/// The rules of the house that concern one file at a time. Each answers what in the file breaks it.
enum HouseRules {
    /// Modules of the system that a target may import beside the targets below it; any may import Synchronization.
    static let systemModules: [String: Set<String>] = [
        // Threads, clocks, signals and the write that logs.
        "Platform": ["Glibc"],
        // File identity: stat and realpath.
        "SQLite": ["Glibc"], "Loading": ["Glibc"],
        // Sockets, poll and the addresses of clients.
        "HTTPServer": ["Glibc"],
        // What libcurl's callbacks copy, and the addresses that it connects to.
        "HTTPClient": ["Glibc"],
        // The state directory: its modes and the lock on it.
        "Store": ["Glibc"],
        // Environment variables in connections.
        "Engine": ["Glibc"],
        // The files of the page.
        "API": ["Glibc"],
        // Variables, files and the terminal.
        "strandline": ["Glibc"],
    ]

    /// A target imports only what lies below it.
    static func imports(_ file: HouseFile, table: [String: Set<String>]) -> [Violation] {
        guard file.isSource, let target = file.target else { return [] }
        guard let below = table[target] else {
            return [Violation(path: file.path, sentence: "the target \(target) is not in the import table")]
        }
        let allowed = below.union(systemModules[target] ?? []).union(["Synchronization"])
        return importedModules(file).filter { !allowed.contains($0.module) }.map {
            Violation(path: file.path, line: $0.line, sentence: "\(target) may not import \($0.module)")
        }
    }

    /// The modules that the file imports, whatever their access or attributes.
    static func importedModules(_ file: HouseFile) -> [(module: String, line: Int)] {
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        return file.code.compactMap { number, text in
            let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ";" })
            guard let place = words.firstIndex(of: "import") else { return nil }
            let leading = words[..<place]
            guard leading.allSatisfy({ $0.hasPrefix("@") || accessWords.contains($0) }) else { return nil }
            guard let name = words[(place + 1)...].first(where: { !kinds.contains($0) }) else { return nil }
            return (String(name.prefix { $0 != "." }), number)
        }
    }

    private static let accessWords: Set<Substring> = ["public", "internal", "package", "private", "fileprivate"]

    /// Only the files of MicroHTTPDaemon speak libmicrohttpd.
    static func daemonWords(_ file: HouseFile) -> [Violation] {
        guard file.isSource else { return [] }
        let name = file.path.split(separator: "/").last ?? ""
        if file.target == "HTTPServer", name.hasPrefix("MicroHTTPDaemon") { return [] }
        return lines(of: file, saying: "MHD_", "only Sources/HTTPServer/MicroHTTPDaemon*.swift says MHD_")
    }

    /// No code that ends the process, prints, or unwraps by force.
    static func forbiddenWords(_ file: HouseFile) -> [Violation] {
        guard file.isSource else { return [] }
        var found: [Violation] = []
        for (number, text) in file.code {
            func report(_ sentence: String) {
                found.append(Violation(path: file.path, line: number, sentence: sentence))
            }
            if text.contains("try!") { report("try! ends the process; handle the error") }
            if text.contains("as!") { report("as! ends the process; use as?") }
            for call in ["fatalError", "print", "debugPrint"]
            where calls(call, in: text) {
                report("\(call)( has no place in Sources; throw an error or use Platform.Log")
            }
            if hasForcedUnwrap(text) { report("an optional is unwrapped by force") }
        }
        for (number, text) in file.lines {
            for mark in ["TODO", "FIXME", "XXX"] where text.contains(mark) {
                found.append(Violation(path: file.path, line: number, sentence: "\(mark) is left in Sources"))
            }
        }
        return found
    }

    /// Whether `text` calls the free function `name`, not a method of that name nor a longer name.
    private static func calls(_ name: String, in text: String) -> Bool {
        text.ranges(of: name + "(").contains { range in
            guard range.lowerBound > text.startIndex else { return true }
            let before = text[text.index(before: range.lowerBound)]
            return !before.isLetter && !before.isNumber && before != "_" && before != "."
        }
    }

    /// Whether a value is followed by `!` that is no comparison.
    private static func hasForcedUnwrap(_ text: String) -> Bool {
        let characters = Array(text)
        return characters.indices.dropFirst().contains { place in
            guard characters[place] == "!" else { return false }
            let before = characters[place - 1]
            let after = place + 1 < characters.count ? characters[place + 1] : " "
            let isValue = before.isLetter || before.isNumber || "_)]?".contains(before)
            return isValue && after != "=" && !text.contains("try!") && !text.contains("as!")
        }
    }

    /// Each unchecked promise to the compiler says what makes it true, on one of the six lines above or the line after.
    static func unexplainedSendable(_ file: HouseFile) -> [Violation] {
        guard file.isSource else { return [] }
        let lines = file.lines
        return file.code.filter { $0.text.contains("@unchecked Sendable") || $0.text.contains("nonisolated(unsafe)") }
            .filter { number, _ in
                let near = lines[max(0, number - 7)...min(lines.count - 1, number)]
                return !near.contains { $0.text.contains("SAFETY:") }
            }
            .map { Violation(path: file.path, line: $0.number, sentence: "no SAFETY: line says what makes it safe") }
    }

    /// The most lines that a Swift file may have.
    static let mostLines = 600

    /// No file has more than `mostLines` lines.
    static func length(_ file: HouseFile) -> [Violation] {
        guard file.path.hasSuffix(".swift") else { return [] }
        let count = file.text.utf8.count { $0 == UInt8(ascii: "\n") }
        guard count > mostLines else { return [] }
        return [Violation(path: file.path, sentence: "\(count) lines; split it into files of one noun each")]
    }

    /// No file names a place on somebody's machine, or where packages are fetched from.
    static func machinePaths(_ file: HouseFile) -> [Violation] {
        // Spelt in two parts, so that this file keeps its own rule.
        let homes = ["/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/wo" + "rk/", "/tmp/" + "wt/"]
        let registries = ["pypi" + ".org", "python" + "hosted.org", "deb.debian" + ".org", "archive.ubuntu" + ".com"]
        return (homes + registries).flatMap { word in
            lines(of: file, saying: word, "names \(word), a place outside the repository")
        }
    }

    private static func lines(of file: HouseFile, saying word: String, _ sentence: String) -> [Violation] {
        guard file.text.contains(word) else { return [] }
        return file.lines.filter { $0.text.contains(word) }
            .map { Violation(path: file.path, line: $0.number, sentence: sentence) }
    }
}
