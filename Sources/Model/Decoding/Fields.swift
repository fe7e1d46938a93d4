internal import Platform

/// One mapping of a document: reads its keys into typed values and notes what is wrong with them.
///
/// A reader answers nil both when a key is missing and when its value was refused; a refusal is always noted.
struct Fields {
    /// The path of the mapping, as `steps[0].cursor`; empty for the document itself.
    let path: String
    /// Where the mapping starts.
    let mark: Mark
    /// Where what is wrong is noted.
    let findings: Findings
    private let members: [(key: String, keyMark: Mark, value: DocumentNode)]

    /// Takes a node that must be a mapping; nil, and noted, when it is not.
    init?(_ node: DocumentNode, path: String, called what: String, findings: Findings) {
        guard case .mapping(let members) = node.content else {
            findings.fail(
                .invalidValue, "\(what) must be a mapping of keys, not \(node.kind)", field: path, mark: node.mark)
            return nil
        }
        self.path = path
        self.mark = node.mark
        self.findings = findings
        self.members = members
    }

    /// The path of a key of this mapping.
    func path(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    /// The node of a key; nil when it is missing or null.
    func node(_ key: String) -> DocumentNode? {
        guard let node = members.first(where: { $0.key == key })?.value else { return nil }
        if case .scalar(.null) = node.content { return nil }
        return node
    }

    /// Whether the key stands in the document, even with a null.
    func has(_ key: String) -> Bool { members.contains { $0.key == key } }

    /// Where a key's value stands; where the mapping starts when the key is missing.
    func mark(_ key: String) -> Mark { members.first { $0.key == key }?.value.mark ?? mark }

    /// Every key with its place and value, in the document's order.
    var all: [(key: String, keyMark: Mark, value: DocumentNode)] { members }

    /// Notes that a key's value is wrong.
    func refuse(_ key: String, _ message: String, hint: String = "", code: Failure.Code = .invalidValue) {
        findings.fail(code, message, hint: hint, field: path(key), mark: mark(key))
    }

    /// Notes that a key is missing, unless it stands there misspelt and `allow` has told so.
    func miss(_ key: String, _ message: String, hint: String, code: Failure.Code = .missingKey) {
        guard !findings.isMisspelt(path(key)) else { return }
        findings.fail(code, message, hint: hint, field: path(key), mark: mark)
    }

    /// Refuses every key that is not `known`: with the sentence of `unsupported`, or naming the nearest known one.
    ///
    /// Must be called before the keys are read.
    func allow(_ known: [String], unsupported: [String: String] = [:], of what: String) {
        for member in members where !known.contains(member.key) {
            if let hint = unsupported[member.key] {
                findings.fail(
                    .unsupported, "`\(member.key)` is not supported by this version", hint: hint,
                    field: path(member.key), mark: member.keyMark)
                continue
            }
            let nearest = NearestName.find(member.key, among: known)
            if let nearest { findings.noteMisspelt(path(nearest)) }
            findings.fail(
                .unknownKey, "\(what) has no key `\(member.key)`",
                hint: nearest.map { "Did you mean `\($0)`?" } ?? "Its keys are \(known.joined(separator: ", ")).",
                field: path(member.key), mark: member.keyMark)
        }
    }
}

extension DocumentNode {
    /// What the node is, in words for a message.
    var kind: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar(.null): "null"
        case .scalar(.bool(let value)): value ? "true" : "false"
        case .scalar(.integer(let value)): "the number \(value)"
        case .scalar(.number(let value)): "the number \(value)"
        case .scalar(.string(let text)): "the text `\(text.count > 60 ? text.prefix(57) + "..." : text)`"
        case .scalar(let value): value.text()
        }
    }
}
