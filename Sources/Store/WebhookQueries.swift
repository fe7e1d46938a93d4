public import Model
public import Platform
internal import SQLite

/// A webhook as it is stored.
public struct StoredWebhook: Sendable {
    /// The definition, with its secret.
    public let definition: WebhookDefinition
    /// Counts the changes, from 1; never given twice for one name.
    public let version: Int
    /// When it was made.
    public let createdAt: Timestamp
    /// When it last changed.
    public let updatedAt: Timestamp
    /// The secret of before, which still signs, and until when; nil when there is none.
    public let previous: (secret: String, until: Timestamp)?
    /// Since when it gets nothing, and why; nil while it gets messages.
    public let disabled: (at: Timestamp, reason: String)?
    /// Messages that were given up because too many waited.
    public let dropped: Int

    init(_ row: Row) throws(SQLiteError) {
        definition = try row.decoded("definition") { JSONValue(stored: $0).flatMap(WebhookDefinition.init(stored:)) }
        version = Int(try row.int("version"))
        createdAt = try row.timestamp("created_at")
        updatedAt = try row.timestamp("updated_at")
        dropped = Int(try row.int("dropped"))
        if let secret = try row.optionalText("previous_secret"), let until = try row.optionalTimestamp("previous_until")
        {
            previous = (secret, until)
        } else {
            previous = nil
        }
        if let at = try row.optionalTimestamp("disabled_at"), let reason = try row.optionalText("disabled_reason") {
            disabled = (at, reason)
        } else {
            disabled = nil
        }
    }

    /// The secrets that sign a message at a time, as they were written, the newest first.
    public func secrets(at now: Timestamp) -> [String] {
        [definition.secret, previous.flatMap { now < $0.until ? $0.secret : nil }].compactMap { $0 }
    }
}

extension ReadSession {
    /// The webhook of a name; nil when there is none.
    public func webhook(_ name: String) throws(StoreError) -> StoredWebhook? {
        try first(.webhook, name) { row throws(SQLiteError) in try StoredWebhook(row) }
    }

    /// Webhooks by name.
    public func webhooks(_ page: Page = Page()) throws(StoreError) -> Listing<StoredWebhook> {
        try listing(.webhook, page, name: \.definition.name) { row throws(SQLiteError) in try StoredWebhook(row) }
    }
}

extension Transaction {
    /// Stores a webhook; the same again changes nothing, but lets one that was disabled get messages again.
    ///
    /// Without a secret it keeps the one that it has, or gets `made`. The secret that it had before signs beside the new
    /// one for `Limits.secretOverlap`.
    public func putWebhook(
        _ definition: WebhookDefinition, made: WebhookSecret, expecting expectation: Expectation = .anything
    ) throws(StoreError) -> PutOutcome {
        let operation = "store the webhook"
        let name = definition.name
        let before = try webhook(name)
        if before == nil { try refuseTooMany(operation) }
        var definition = definition
        definition.secret = definition.secret ?? before?.definition.secret ?? made.text
        let outcome = try put(.webhook, name, definition.stored.text(), expecting: expectation, operation)
        if let old = before?.definition.secret, old != definition.secret {
            try run(
                operation, "UPDATE webhooks SET previous_secret = ?, previous_until = ? WHERE name = ?",
                [.text(old), Value(now.adding(Limits.secretOverlap)), .text(name)])
        }
        try run(
            operation,
            "UPDATE webhooks SET disabled_at = NULL, disabled_reason = NULL WHERE name = ? AND disabled_at IS NOT NULL",
            [.text(name)])
        return outcome
    }

    private func refuseTooMany(_ operation: String) throws(StoreError) {
        let count = try first(operation, "SELECT count(*) AS n FROM webhooks") {
            row throws(SQLiteError) in Int(try row.int("n"))
        }
        guard count ?? 0 < Limits.webhooks else {
            throw StoreError(
                .tooMany, operation, "there are \(Limits.webhooks) webhooks already", hint: "delete one first")
        }
    }

    /// Removes a webhook with its deliveries, those that wait included.
    public func deleteWebhook(_ name: String, expecting expectation: Expectation = .anything) throws(StoreError) {
        let operation = "delete the webhook"
        try delete(.webhook, name, expecting: expectation, operation)
        try run(operation, "DELETE FROM deliveries WHERE target = ?", [.text(name)])
    }
}
