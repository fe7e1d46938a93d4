internal import Glibc

/// Standard output and standard error, and what is known of who reads them.
struct Terminal: Sendable {
    /// Whether a person watches standard output.
    let isInteractive: Bool
    /// Whether a person watches standard error, where progress is shown.
    let showsProgress: Bool
    /// Whether standard output takes colours, and nobody has asked for none (no-color.org).
    let hasColours: Bool

    /// Looks at the process's own files.
    init() {
        isInteractive = isatty(STDOUT_FILENO) == 1
        func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        let isDumb = variable("TERM") == "dumb"
        showsProgress = isatty(STDERR_FILENO) == 1 && !isDumb
        hasColours = isInteractive && !isDumb && variable("NO_COLOR").isEmpty
    }

    /// Writes a line to standard output.
    func line(_ text: String) { write(text + "\n") }

    /// Shows a text in place of what the screen shows, cut to its lines.
    func page(_ text: String) {
        var size = winsize()
        let rows = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 1 ? Int(size.ws_row) : 24
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // Each line is written over and cleared behind, so that nothing flickers.
        let shown = lines.prefix(rows - 1).map { $0 + "\u{1B}[K\n" }.joined()
        write("\u{1B}[H" + shown + "\u{1B}[J")
    }

    /// Writes to standard output.
    func write(_ text: String) { Terminal.write(text, to: STDOUT_FILENO) }

    /// Writes a line to standard error.
    func error(_ text: String) { Terminal.write(text + "\n", to: STDERR_FILENO) }

    /// Replaces the line in hand of standard error; an empty text clears it.
    func progress(_ text: String) { Terminal.write("\r\u{1B}[K" + text, to: STDERR_FILENO) }

    /// The columns of the terminal; 80 where they are not known.
    var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Asks a question that takes yes or no; false when nobody is there to answer.
    func confirms(_ question: String) -> Bool {
        guard isatty(STDIN_FILENO) == 1 else { return false }
        Terminal.write(question + " [y/N] ", to: STDERR_FILENO)
        let answer = (readLine() ?? "").lowercased()
        return answer == "y" || answer == "yes"
    }

    /// The text with characters that would steer a terminal, such as escapes and line ends, made visible.
    static func safe(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}", "\u{202A}"..."\u{202E}",
                "\u{2066}"..."\u{2069}":
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func write(_ text: String, to file: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // The reader went away, as `head` does.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
