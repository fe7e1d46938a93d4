internal import Model

/// The members of a small body, read one by one; what is wrong is gathered and told together.
struct RequestBody {
    private let members: [(key: String, keyMark: Mark, value: DocumentNode)]
    /// What is wrong so far.
    private(set) var failures: [Failure] = []

    /// Takes the body of a request, called `what` in messages, whose keys are `keys`; a missing one has none of them.
    init(_ node: DocumentNode?, called what: String, keys: [String]) throws(Problem) {
        guard let node else {
            members = []
            return
        }
        switch node.content {
        case .scalar(.null): members = []
        case .mapping(let found): members = found
        default:
            throw Problem(
                DocumentFailures([
                    Failure(
                        .invalidValue, "\(what) must be a mapping of keys",
                        hint: keys.first.map { "Send JSON such as {\"\($0)\": …}." } ?? "Send no body.", mark: node.mark
                    )
                ]))
        }
        for member in members where !keys.contains(member.key) {
            failures.append(
                Failure(
                    .unknownKey, "\(what) has no key `\(member.key)`",
                    hint: NearestName.hint(
                        member.key, among: keys,
                        otherwise: keys.isEmpty ? "Send no body." : "Its keys are \(keys.joined(separator: ", "))."),
                    field: member.key, mark: member.keyMark))
        }
    }

    /// The value of a key; nil when it is missing or null.
    func value(_ key: String) -> DocumentNode? {
        guard let node = members.first(where: { $0.key == key })?.value else { return nil }
        if case .scalar(.null) = node.content { return nil }
        return node
    }

    /// True or false; false when the key is missing.
    mutating func flag(_ key: String) -> Bool {
        guard let node = value(key) else { return false }
        if case .scalar(.bool(let flag)) = node.content { return flag }
        refuse(key, "`\(key)` must be true or false")
        return false
    }

    /// A text; nil when the key is missing.
    mutating func text(_ key: String) -> String? {
        guard let node = value(key) else { return nil }
        if case .scalar(.string(let text)) = node.content { return text }
        refuse(key, "`\(key)` must be a text", hint: "Put it in quotes.")
        return nil
    }

    /// A list of names; empty when the key is missing.
    mutating func names(_ key: String) -> [String] {
        guard let node = value(key) else { return [] }
        guard case .sequence(let items) = node.content else {
            refuse(key, "`\(key)` must be a list of names", hint: "Write it as [\"name\", …].")
            return []
        }
        var names: [String] = []
        for (place, item) in items.enumerated() {
            guard let name = item.json.string, ResourceName.isValid(name) else {
                refuse("\(key)[\(place)]", "`\(key)[\(place)]` is no name", at: item.mark)
                continue
            }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// One of the words of a closed set; nil when the key is missing or was refused.
    mutating func word<Word: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Word.Type
    ) -> Word? where Word.RawValue == String {
        guard let node = value(key) else { return nil }
        let text = node.json.string ?? ""
        if let word = Word(rawValue: text) { return word }
        let words = Word.allCases.map(\.rawValue)
        refuse(
            key, "`\(key)` cannot be \(node.json.text())",
            hint: NearestName.hint(text, among: words, otherwise: "It is one of \(words.joined(separator: ", "))."))
        return nil
    }

    /// How wide the parts of a range are; nil when the key is missing or was refused.
    mutating func interval(_ key: String) -> Interval? {
        guard let node = value(key) else { return nil }
        if let interval = Interval(json: node.json) { return interval }
        refuse(
            key, "`\(key)` must be a length of time or a whole number",
            hint: "Write one of \(Interval.words.joined(separator: ", ")), or for a column of numbers how many of "
                + "them make a part.")
        return nil
    }

    /// Notes that a key's value is wrong.
    mutating func refuse(_ key: String, _ message: String, hint: String = "", at mark: Mark? = nil) {
        let code: Failure.Code = mark == nil && value(key) == nil ? .missingKey : .invalidValue
        failures.append(Failure(code, message, hint: hint, field: key, mark: mark ?? value(key)?.mark))
    }

    /// Throws everything that is wrong; returns when nothing is.
    func check() throws(Problem) {
        guard failures.isEmpty else { throw Problem(DocumentFailures(failures)) }
    }
}
