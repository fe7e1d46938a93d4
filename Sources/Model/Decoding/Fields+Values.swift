internal import Platform

extension Fields {
    /// A text that is not empty.
    func text(_ key: String) -> String? {
        guard let node = node(key) else { return nil }
        guard case .scalar(.string(let text)) = node.content else {
            refuse(key, "`\(key)` must be a text, not \(node.kind)", hint: "Put it in quotes.")
            return nil
        }
        guard !text.isEmpty else {
            refuse(key, "`\(key)` is empty")
            return nil
        }
        return text
    }

    /// A text that names a table or column: not empty, without NUL, within the bound.
    func identifier(_ key: String) -> String? {
        guard let text = text(key), checkIdentifier(text, field: path(key), mark: mark(key)) else { return nil }
        return text
    }

    /// A name of ours: `[a-z0-9][a-z0-9_-]{0,62}`.
    func name(_ key: String) -> String? {
        guard let text = text(key) else { return nil }
        guard ResourceName.isValid(text) else {
            refuse(key, ResourceName.refusal(of: text), hint: ResourceName.hint(for: text))
            return nil
        }
        return text
    }

    /// A list of texts that name columns or steps; one text stands for a list of one.
    func identifiers(_ key: String) -> [String]? {
        guard let node = node(key) else { return nil }
        let items: [DocumentNode]
        switch node.content {
        case .sequence(let nodes): items = nodes
        case .scalar(.string): items = [node]
        default:
            refuse(key, "`\(key)` must be a list of names, not \(node.kind)", hint: "Write it as `\(key): [name]`.")
            return nil
        }
        var names: [String] = []
        for (index, item) in items.enumerated() {
            let field = "\(path(key))[\(index)]"
            guard case .scalar(.string(let text)) = item.content else {
                findings.fail(
                    .invalidValue, "a name in `\(key)` must be a text, not \(item.kind)", hint: "Put it in quotes.",
                    field: field, mark: item.mark)
                return nil
            }
            guard checkIdentifier(text, field: field, mark: item.mark) else { return nil }
            if names.contains(text) {
                findings.fail(
                    .invalidValue, "`\(key)` names `\(text)` twice", hint: "Remove one of them.", field: field,
                    mark: item.mark)
                return nil
            }
            names.append(text)
        }
        return names
    }

    /// One of the words of a closed set.
    func word<Word: RawRepresentable<String> & CaseIterable>(_ key: String, _ type: Word.Type) -> Word? {
        guard let node = node(key) else { return nil }
        let words = type.allCases.map(\.rawValue)
        guard case .scalar(.string(let text)) = node.content, let word = Word(rawValue: text) else {
            var hint = "It is one of \(words.joined(separator: ", "))."
            if case .scalar(.string(let text)) = node.content, let nearest = NearestName.find(text, among: words) {
                hint = "Did you mean `\(nearest)`? " + hint
            }
            refuse(key, "`\(key)` cannot be \(node.kind)", hint: hint)
            return nil
        }
        return word
    }

    /// True or false.
    func flag(_ key: String) -> Bool? {
        guard let node = node(key) else { return nil }
        if case .scalar(.bool(let flag)) = node.content { return flag }
        refuse(key, "`\(key)` must be true or false, not \(node.kind)")
        return nil
    }

    /// The time zone of a name that stands under a key.
    func zone(_ name: String, _ key: String) -> Zone? {
        let zone = Zone(named: name)
        if zone == nil {
            refuse(
                key, "`\(name)` is no time zone that this system knows",
                hint: "Use a name of the IANA database, such as Europe/Berlin.")
        }
        return zone
    }

    /// A whole number within `range`.
    func whole(_ key: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let node = node(key) else { return nil }
        guard case .scalar(.integer(let value)) = node.content, range.contains(value) else {
            let bounds =
                range.upperBound == .max
                ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            refuse(key, "`\(key)` must be a whole number \(bounds), not \(node.kind)")
            return nil
        }
        return value
    }

    /// A number from 0 to 1.
    func share(_ key: String) -> Double? {
        guard let node = node(key) else { return nil }
        switch node.content {
        case .scalar(.integer(let value)) where (0...1).contains(value): return Double(value)
        case .scalar(.number(let value)) where (0...1).contains(value): return value
        default:
            refuse(
                key, "`\(key)` must be a number from 0 to 1, not \(node.kind)",
                hint: "It is a share: 0.5 stands for one half.")
            return nil
        }
    }

    /// A length of time within `range`; a plain 0 stands for none.
    func duration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let node = node(key) else { return nil }
        var duration: Duration?
        switch node.content {
        case .scalar(.string(let text)): duration = DurationText.parse(text)
        case .scalar(.integer(0)): duration = .zero
        default: break
        }
        guard let duration else {
            refuse(
                key, "`\(key)` must be a length of time, not \(node.kind)",
                hint: "Write it as 90s, 10m, 2h, 3d or 1w, or together as 1h30m.")
            return nil
        }
        guard range.contains(duration) else {
            let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
            refuse(key, "`\(key)` must lie within \(bounds), but is \(DurationText.format(duration))")
            return nil
        }
        return duration
    }

    /// The mapping of a key.
    func mapping(_ key: String) -> Fields? {
        node(key).flatMap { Fields($0, path: path(key), called: "`\(key)`", findings: findings) }
    }

    /// The items of a list.
    func list(_ key: String) -> [DocumentNode]? {
        guard let node = node(key) else { return nil }
        guard case .sequence(let items) = node.content else {
            refuse(key, "`\(key)` must be a list, not \(node.kind)", hint: "Begin each item with `- `.")
            return nil
        }
        return items
    }

    private func checkIdentifier(_ text: String, field: String, mark: Mark) -> Bool {
        if text.isEmpty || text.utf8.contains(0) {
            let fault = text.isEmpty ? "is empty" : "holds a NUL character"
            findings.fail(.invalidValue, "a name \(fault)", field: field, mark: mark)
            return false
        }
        guard text.utf8.count <= Limits.identifierBytes else {
            findings.fail(
                .invalidValue, "a name is longer than \(Limits.identifierBytes) bytes", field: field, mark: mark)
            return false
        }
        return true
    }
}
