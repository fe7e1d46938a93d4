/// Decodes webhooks.
struct WebhookDecoding {
    /// Where what is wrong is noted.
    let findings: Findings
    /// Whether the secret must be named, since nobody would see one that is made.
    var needsSecret = false

    /// The webhook of a node; nil, with the reasons noted, when it is refused.
    func webhook(_ node: DocumentNode, path: String, name: String?) -> WebhookDefinition? {
        guard let fields = Fields(node, path: path, called: "a webhook", findings: findings) else { return nil }
        fields.allow(["name", "url", "events", "pipelines", "secret"], of: "a webhook")
        let name = fields.ownName(given: name, of: "webhook")
        let url = self.url(fields)
        let events = self.events(fields)
        let pipelines = self.pipelines(fields)
        let secret = self.secret(fields)
        guard let name, let url, let events, let pipelines else { return nil }
        return WebhookDefinition(name: name, url: url, events: events, pipelines: pipelines, secret: secret)
    }

    private func url(_ fields: Fields) -> String? {
        guard fields.node("url") != nil else {
            fields.miss(
                "url", "the webhook has no `url`", hint: "Add one, such as `url: https://example.org/strandline`.")
            return nil
        }
        guard let url = fields.text("url") else { return nil }
        // What a variable holds is looked at when a message is sent.
        let shape = url.contains("${") ? nil : WebAddress.fault(url)
        let controls = url.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
        guard shape == nil, !controls, url.utf8.count <= WebAddress.bytes else {
            fields.refuse(
                "url", "the `url` \(shape ?? "holds control characters, or too many characters")",
                hint: "Write one such as https://example.org/strandline.")
            return nil
        }
        return url
    }

    private func events(_ fields: Fields) -> [NoticeType]? {
        guard let items = fields.list("events") else { return fields.node("events") == nil ? [] : nil }
        let words = NoticeType.subscribable.map(\.rawValue)
        var events: [NoticeType] = []
        for (place, item) in items.enumerated() {
            guard case .scalar(.string(let text)) = item.content, words.contains(text),
                let event = NoticeType(rawValue: text)
            else {
                var hint = "They are \(words.joined(separator: ", ")); an empty list means all."
                if case .scalar(.string(let text)) = item.content, let nearest = NearestName.find(text, among: words) {
                    hint = "Did you mean `\(nearest)`? " + hint
                }
                findings.fail(
                    .invalidValue, "an event cannot be \(item.kind)", hint: hint,
                    field: "\(fields.path("events"))[\(place)]", mark: item.mark)
                return nil
            }
            if !events.contains(event) { events.append(event) }
        }
        return events
    }

    private func pipelines(_ fields: Fields) -> [String]? {
        guard fields.node("pipelines") != nil else { return [] }
        guard let items = fields.list("pipelines") else { return nil }
        var names: [String] = []
        for (place, item) in items.enumerated() {
            guard case .scalar(.string(let text)) = item.content, ResourceName.isValid(text) else {
                findings.fail(
                    .invalidValue, "a pipeline's name cannot be \(item.kind)",
                    hint: "Write the names of pipelines; an empty list means all.",
                    field: "\(fields.path("pipelines"))[\(place)]", mark: item.mark)
                return nil
            }
            if !names.contains(text) { names.append(text) }
        }
        return names
    }

    private func secret(_ fields: Fields) -> String? {
        guard fields.node("secret") != nil else {
            if needsSecret {
                fields.miss(
                    "secret", "the webhook has no `secret`",
                    hint: "Name a variable of the server's environment, such as `secret: ${HOOK_SECRET}`; "
                        + "PUT /v1/webhooks/{webhook} can make one.")
            }
            return nil
        }
        guard let text = fields.text("secret") else { return nil }
        guard WebhookSecret.isVariable(text) || WebhookSecret(text) != nil else {
            let lengths = WebhookSecret.lengths
            fields.refuse(
                "secret", "the `secret` is none",
                hint: "Write whsec_ and the base64 of \(lengths.lowerBound) to \(lengths.upperBound) random bytes, "
                    + "or ${NAME} for a variable of the server's environment.")
            return nil
        }
        return text
    }
}
