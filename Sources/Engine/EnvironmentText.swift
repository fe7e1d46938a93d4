internal import Model

/// A text in which `${NAME}` stands for an environment variable.
///
/// The values are secrets: `redact` puts the names back wherever a value shows.
struct EnvironmentText: Sendable, Equatable {
    /// The text as it was written.
    let written: String
    /// The text with every variable replaced by its value.
    let expanded: String
    /// The values with the spelling they replaced, longest value first.
    private let secrets: [Secret]

    /// Bytes of the shortest value that is hidden by itself: hiding each `.` would hide the message and no secret.
    private static let shortestSecret = 4

    private struct Secret: Sendable, Equatable {
        let value: String
        let spelling: String
    }

    /// Expands a text; fails, naming the variable, when one is not set or when a `${` is not closed.
    ///
    /// `owner` says in errors whose text it is, as `connection shop`, and `field` where it stands there.
    init(
        _ text: String, of owner: String, field: String = "path", environment: [String: String]
    ) throws(Failure) {
        var expanded = ""
        var secrets: [Secret] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            expanded += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                throw Failure(
                    .invalidValue, "\(owner): a ${ is not closed by }", hint: "write ${NAME}", field: field)
            }
            let name = String(rest[start.upperBound..<end])
            guard EnvironmentText.isName(name) else {
                throw Failure(
                    .invalidValue, "\(owner): ${\(name)} does not name an environment variable",
                    hint: "use letters, digits and underscores, as in ${DATA_DIR}", field: field)
            }
            guard let value = environment[name] else {
                throw Failure(
                    .invalidValue, "\(owner): the environment variable \(name) is not set",
                    hint: "set \(name) in the server's environment and start it again", field: field)
            }
            expanded += value
            if value.utf8.count >= EnvironmentText.shortestSecret {
                secrets.append(Secret(value: value, spelling: "${\(name)}"))
            }
            rest = rest[rest.index(after: end)...]
        }
        expanded += rest
        written = text
        self.expanded = expanded
        if expanded != text { secrets.append(Secret(value: expanded, spelling: text)) }
        self.secrets = secrets.sorted { $0.value.utf8.count > $1.value.utf8.count }
    }

    /// The text that `message` becomes when every value in it is replaced by its name; `path`, where the text led to
    /// after links were followed, is a value too.
    func redact(_ message: String, path: String? = nil) -> String {
        guard !secrets.isEmpty else { return message }
        var result = message
        if let path, let whole = secrets.first { result = result.replacing(path, with: whole.spelling) }
        for secret in secrets { result = result.replacing(secret.value, with: secret.spelling) }
        return result
    }

    /// Whether it holds any variable.
    var hasSecrets: Bool { !secrets.isEmpty }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}
