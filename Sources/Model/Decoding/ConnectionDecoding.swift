internal import Platform

/// Decodes connections.
struct ConnectionDecoding {
    /// Where what is wrong is noted.
    let findings: Findings

    /// The connection of a node; nil, with the reasons noted, when it is refused.
    func connection(_ node: DocumentNode, path: String, name: String?) -> ConnectionDefinition? {
        guard let fields = Fields(node, path: path, called: "a connection", findings: findings) else { return nil }
        fields.allow(["name", "type", "path", "max_concurrent"], of: "a connection")
        let name = fields.ownName(given: name, of: "connection")
        if !fields.has("type") {
            fields.miss("type", "the connection has no `type`", hint: "Add `type: sqlite`.")
        }
        let kind = fields.word("type", ConnectionDefinition.Kind.self)
        let file = self.path(fields)
        let most = fields.whole("max_concurrent", in: 1...Int64(Limits.poolSlots))
        guard let name, let kind, let file else { return nil }
        var definition = ConnectionDefinition(name: name, kind: kind, path: file)
        definition.maxConcurrent = most.map { Int($0) }
        return definition
    }

    private func path(_ fields: Fields) -> String? {
        guard fields.node("path") != nil else {
            fields.miss("path", "the connection has no `path`", hint: "Add the database file, such as `path: shop.db`.")
            return nil
        }
        guard let path = fields.text("path") else { return nil }
        let lowercased = path.lowercased()
        if lowercased.hasPrefix("file:") || path.hasPrefix(":") {
            fields.refuse(
                "path", "`\(path)` is no path of a file", hint: "Write a plain path, such as shop.db.",
                code: .invalidPath)
            return nil
        }
        guard path.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            fields.refuse("path", "the path holds a control character", code: .invalidPath)
            return nil
        }
        return path
    }
}

extension Fields {
    /// The `name` of the thing described here: the given one, or the key `name`, which must not differ from it.
    func ownName(given: String?, of what: String) -> String? {
        guard let given else {
            if node("name") == nil {
                miss("name", "the \(what) has no `name`", hint: "Add one, such as `name: orders`.")
            }
            return name("name")
        }
        guard ResourceName.isValid(given) else {
            findings.fail(
                .invalidValue, ResourceName.refusal(of: given), hint: ResourceName.hint(for: given),
                field: path.isEmpty ? "name" : path, mark: mark)
            return nil
        }
        guard node("name") != nil else { return given }
        guard let written = name("name") else { return nil }
        guard written == given else {
            refuse(
                "name", "the document is named `\(written)`, but it is addressed as `\(given)`",
                hint: "Remove `name`, or make the two equal.")
            return nil
        }
        return given
    }
}
