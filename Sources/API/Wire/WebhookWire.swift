internal import Model
internal import Platform
internal import Store

/// A webhook with how much waits for it.
struct WebhookResource: Sendable {
    /// The webhook as it is stored.
    let stored: StoredWebhook
    private let pending: Int

    /// The keys that an answer adds to the definition; a body may hold them, so that an answer can be sent back.
    static let addedKeys = [
        "state", "disabled_at", "disabled_reason", "rotating_until", "pending", "dropped", "version", "created_at",
        "updated_at",
    ]

    /// Looks up what waits.
    init(_ stored: StoredWebhook, _ session: ReadSession) throws(StoreError) {
        self.stored = stored
        pending = try session.pendingDeliveries(of: stored.definition.name)
    }

    /// The webhook as answers show it. Of the secret only the name of its variable is shown; `secret` is one that was just
    /// made, and is never shown again.
    func wire(at now: Timestamp, secret: WebhookSecret? = nil) -> JSONValue {
        let definition = stored.definition
        let variable = definition.secret.flatMap { WebhookSecret.isVariable($0) ? $0 : nil }
        let until = stored.previous.flatMap { now < $0.until ? $0.until : nil }
        return .object([
            "name": .string(definition.name), "url": .string(definition.url),
            "events": .array(definition.events.map { .string($0.rawValue) }),
            "pipelines": .array(definition.pipelines.map(JSONValue.string)),
            "secret": JSONValue(secret?.text ?? variable), "state": stored.disabled == nil ? "enabled" : "disabled",
            "disabled_at": JSONValue(stored.disabled?.at.rfc3339),
            "disabled_reason": JSONValue(stored.disabled?.reason), "rotating_until": JSONValue(until?.rfc3339),
            "pending": .integer(Int64(pending)), "dropped": .integer(Int64(stored.dropped)),
            "version": .integer(Int64(stored.version)), "created_at": .string(stored.createdAt.rfc3339),
            "updated_at": .string(stored.updatedAt.rfc3339),
        ])
    }

    /// The tag of what answers show; a secret that was just made does not count.
    func tag(at now: Timestamp) -> EntityTag { EntityTag(version: stored.version, content: wire(at: now).text()) }

    /// The answer to a change.
    func answer(at now: Timestamp, secret: WebhookSecret? = nil) -> Answer {
        .json(wire(at: now, secret: secret), headers: [("ETag", tag(at: now).text)])
    }
}

extension Delivery {
    /// The delivery as answers show it.
    func wire(to webhook: String) -> JSONValue {
        .object([
            "id": .string(message), "webhook": .string(webhook), "type": .string(type),
            "pipeline": JSONValue(pipeline), "state": .string(state.rawValue),
            "attempts": .integer(Int64(attempts)), "status": JSONValue(status), "error": JSONValue(error),
            "created_at": .string(createdAt.rfc3339), "attempted_at": JSONValue(attemptedAt?.rfc3339),
            "next_attempt_at": JSONValue(nextAttemptAt?.rfc3339), "finished_at": JSONValue(finishedAt?.rfc3339),
            "duration_seconds": JSONValue(duration?.seconds),
        ])
    }
}
