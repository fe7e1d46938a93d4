internal import Glibc
internal import Synchronization

/// Writes one line an event to standard error, as text for people or JSON for programs.
///
/// Fields are bounded and escaped, so that no value can forge a line. May be used on any thread.
public final class Log: Sendable {
    /// How much an event matters.
    public enum Level: Int, Sendable, Comparable, CaseIterable {
        case debug, info, warn, error

        /// Whether the left level matters less.
        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// How a line looks.
    public enum Format: String, Sendable, CaseIterable {
        case text, json
    }

    private let level: Level
    private let format: Format
    private let clock: any Clock
    private let write: @Sendable (String) -> Void

    /// Makes a log that drops events below `level`; `write` takes a whole line, by default onto standard error.
    public init(
        level: Level = .info, format: Format = .text, clock: any Clock = SystemClock(),
        write: @escaping @Sendable (String) -> Void = Log.standardError
    ) {
        self.level = level
        self.format = format
        self.clock = clock
        self.write = write
    }

    /// Logs an event that helps its developers.
    public func debug(_ event: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.debug, event, fields) }
    /// Logs an event of normal work.
    public func info(_ event: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.info, event, fields) }
    /// Logs an event that an operator should look at.
    public func warn(_ event: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.warn, event, fields) }
    /// Logs an event that an operator must look at.
    public func error(_ event: String, _ fields: KeyValuePairs<String, String> = [:]) { log(.error, event, fields) }

    private func log(_ level: Level, _ event: String, _ fields: KeyValuePairs<String, String>) {
        guard level >= self.level else { return }
        let time = clock.now().rfc3339
        var line: String
        switch format {
        case .json:
            line = "{\"time\":\"\(time)\",\"level\":\"\(level)\",\"event\":\"\(escaped(event))\""
            for (key, value) in fields { line += ",\"\(escaped(key))\":\"\(escaped(value))\"" }
            line += "}\n"
        case .text:
            line = "\(time) \(level) \(escaped(event))"
            for (key, value) in fields {
                let value = escaped(value)
                line += value.contains(" ") || value.isEmpty ? " \(key)=\"\(value)\"" : " \(key)=\(value)"
            }
            line += "\n"
        }
        write(line)
    }

    /// Writes `line` to standard error in one call, so that lines of several threads do not mix.
    public static let standardError: @Sendable (String) -> Void = { line in
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // A closed standard error is no reason to end the process, and there is nowhere to say it.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// JSON's escapes, also for the line separators that some viewers break lines at; cut at the field's bound.
    private func escaped(_ text: String) -> String {
        var result = ""
        var length = 0
        for scalar in text.unicodeScalars {
            if length >= Limits.logFieldCharacters {
                result += "…"
                break
            }
            length += 1
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
