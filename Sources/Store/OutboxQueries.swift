public import Model
public import Platform
internal import SQLite

/// What a commit did to the outbox.
public struct OutboxNews: Sendable, Equatable {
    /// Whether a message may have been put there.
    public var isThere = false
    /// How many messages were given up because too many waited, by receiver.
    public var dropped: [String: Int] = [:]

    /// No news.
    public init() {}
}

/// The next thing to deliver.
public struct OutboxItem: Sendable {
    /// The delivery.
    public let delivery: Delivery
    /// What is sent, byte for byte.
    public let body: String
    /// The webhook that gets it; nil where the receiver is set on the command line.
    public let webhook: StoredWebhook?
}

extension ReadSession {
    /// Who has messages waiting, and when the first of them is due.
    public func outboxHeads() throws(StoreError) -> [(target: String, due: Timestamp)] {
        try rows(
            "look for messages",
            """
            SELECT target, due FROM (
                SELECT name AS target, (
                    SELECT min(next_attempt_at) FROM deliveries WHERE target = name AND state = 'pending') AS due
                FROM webhooks WHERE disabled_at IS NULL
                UNION ALL SELECT ?1, (
                    SELECT min(next_attempt_at) FROM deliveries WHERE target = ?1 AND state = 'pending'))
            WHERE due IS NOT NULL
            """, [.text(Transaction.lineageTarget)]
        ) { row throws(SQLiteError) in (try row.text("target"), try row.timestamp("due")) }
    }

    /// The first message that waits for a receiver; nil when none does.
    public func outboxItem(for target: String) throws(StoreError) -> OutboxItem? {
        let operation = "read a message"
        let webhook = try webhook(target)
        return try first(
            operation,
            """
            SELECT * FROM deliveries WHERE target = ? AND state = 'pending' ORDER BY next_attempt_at, number LIMIT 1
            """, [.text(target)]
        ) { row throws(SQLiteError) in
            OutboxItem(delivery: try Delivery(row), body: try row.text("body"), webhook: webhook)
        }
    }

    /// How many messages wait for a receiver.
    public func pendingDeliveries(of target: String) throws(StoreError) -> Int {
        try first(
            "count the messages that wait",
            "SELECT count(*) AS n FROM deliveries WHERE target = ? AND state = 'pending'", [.text(target)]
        ) { row throws(SQLiteError) in Int(try row.int("n")) } ?? 0
    }

    /// The deliveries of a receiver, newest first; those in a state where one is named.
    public func deliveries(
        of target: String, state: DeliveryState? = nil, _ page: Page = Page()
    ) throws(StoreError) -> Listing<Delivery> {
        let operation = "list the deliveries"
        var conditions = Conditions()
        conditions.add("target = ?", .text(target))
        if let before = try page.number(operation) { conditions.add("number < ?", .integer(before)) }
        if let state { conditions.add("state = ?", .text(state.rawValue)) }
        let found = try rows(
            operation, "SELECT * FROM deliveries \(conditions.sql) ORDER BY number DESC LIMIT ?",
            conditions.parameters + [Value(page.limit + 1)]
        ) { row throws(SQLiteError) in try Delivery(row) }
        return Listing(found, page) { String($0.number) }
    }

    /// The delivery of a message to a receiver; nil when there is none.
    public func delivery(_ message: String, to target: String) throws(StoreError) -> Delivery? {
        try first(
            "read the delivery", "SELECT * FROM deliveries WHERE target = ? AND message = ?",
            [.text(target), .text(message)]
        ) { row throws(SQLiteError) in try Delivery(row) }
    }
}

extension Transaction {
    /// The receiver of lineage events, which is set on the command line.
    public static let lineageTarget = "@openlineage"

    /// Puts a message into the outbox for every webhook that wants it.
    public func send(_ notice: Notice) throws(StoreError) {
        let receivers = try rows("list the webhooks", "SELECT * FROM webhooks WHERE disabled_at IS NULL ORDER BY name")
        {
            row throws(SQLiteError) in try StoredWebhook(row)
        }.map(\.definition).filter { $0.wants(notice.type, about: notice.pipeline) }
        guard !receivers.isEmpty else { return }
        let (message, body) = (messageIdentifier(), notice.body(at: now))
        for receiver in receivers {
            try post(message, notice.type.rawValue, body, about: notice.pipeline, to: receiver.name)
        }
    }

    /// Puts a message for one webhook into the outbox, whatever it asks for; answers its delivery.
    public func sendTest(to name: String) throws(StoreError) -> Delivery {
        let operation = "send a test"
        try refuseUnlessEnabled(name, operation)
        let message = messageIdentifier()
        let notice = Notice(.webhookTest, pipeline: nil, data: .object(["webhook": .string(name)]))
        try post(message, notice.type.rawValue, notice.body(at: now), about: nil, to: name)
        return try stored(message, name, operation)
    }

    /// Puts a text into the outbox for a receiver that is set on the command line.
    public func post(_ type: String, _ body: String, about pipeline: String, to target: String) throws(StoreError) {
        try post(messageIdentifier(), type, body, about: pipeline, to: target)
    }

    /// The message's identifier is the same for all that get it, and never holds a full stop.
    private func messageIdentifier() -> String { "msg_" + IdentifierMaker(clock: ManualClock(now)).next() }

    private func post(
        _ message: String, _ type: String, _ body: String, about pipeline: String?, to target: String
    ) throws(StoreError) {
        try run(
            "put a message into the outbox",
            """
            INSERT INTO deliveries (target, message, type, pipeline, body, created_at, next_attempt_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
            """, [.text(target), .text(message), .text(type), Value(pipeline), .text(body), Value(now)])
        mail.isThere = true
        try drop(of: target)
    }

    /// Gives up the oldest messages of a receiver past `bound`, and counts them.
    func drop(of target: String, past bound: Int = Limits.pendingDeliveries) throws(StoreError) {
        let operation = "give up messages"
        let dropped = try run(
            operation,
            """
            UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, finished_at = ?2,
                error = 'given up: more than ' || ?3 || ' messages waited'
            WHERE target = ?1 AND state = 'pending' AND number IN (
                SELECT number FROM deliveries WHERE target = ?1 AND state = 'pending'
                ORDER BY number DESC LIMIT -1 OFFSET ?3)
            """, [.text(target), Value(now), Value(bound)])
        guard dropped > 0 else { return }
        mail.dropped[target, default: 0] += dropped
        try run(
            operation, "UPDATE webhooks SET dropped = dropped + ? WHERE name = ?", [Value(dropped), .text(target)])
        try trimDeliveries(of: target, operation)
    }

    /// Records what an attempt at a delivery came to; nil when it was taken out of the outbox meanwhile. `jitter` is
    /// from 0 to 1.
    ///
    /// A receiver that says it is gone gets nothing any more, until somebody puts it again.
    public func record(
        _ attempt: DeliveryAttempt, of number: Int64, to target: String, jitter: Double
    ) throws(StoreError) -> Delivery? {
        let operation = "record a delivery"
        guard let before = try delivery(number, operation), before.state == .pending else { return nil }
        // What is set on the command line is not disabled by an answer.
        let isGone = attempt.isGone ? try webhook(target) != nil : false
        let wait = attempt.isDelivered || isGone ? nil : attempt.wait(afterTry: before.tries + 1, jitter: jitter)
        let state: DeliveryState = attempt.isDelivered ? .delivered : wait == nil ? .failed : .pending
        try run(
            operation,
            """
            UPDATE deliveries SET state = ?2, attempts = attempts + 1, tries = tries + 1, next_attempt_at = ?3,
                attempted_at = ?4, finished_at = ?5, status = ?6, error = ?7, duration = ?8
            WHERE number = ?1
            """,
            [
                .integer(number), .text(state.rawValue), Value(wait.map { now.adding($0) }), Value(now),
                Value(state == .pending ? nil : now), Value(attempt.status),
                Value(attempt.isDelivered ? nil : attempt.error ?? "the answer was \(attempt.status ?? 0)"),
                .integer(attempt.duration.microseconds),
            ])
        if isGone { try disable(target, operation) }
        if state != .pending { try trimDeliveries(of: target, operation) }
        return try delivery(number, operation)
    }

    private func disable(_ target: String, _ operation: String) throws(StoreError) {
        let reason = "its receiver answered 410 Gone"
        try run(
            operation,
            "UPDATE webhooks SET disabled_at = ?, disabled_reason = ? WHERE name = ? AND disabled_at IS NULL",
            [Value(now), .text(reason), .text(target)])
        try run(
            operation,
            """
            UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, finished_at = ?2, error = ?3
            WHERE target = ?1 AND state = 'pending'
            """, [.text(target), Value(now), .text("not sent: the webhook was disabled, since " + reason)])
    }

    /// Has a delivery that failed, or that waits for its next attempt, tried at once; answers it.
    public func retryDelivery(_ message: String, to name: String) throws(StoreError) -> Delivery {
        let operation = "retry the delivery"
        try refuseUnlessEnabled(name, operation)
        let before = try stored(message, name, operation)
        guard before.state != .delivered else {
            throw StoreError(
                .illegalTransition, operation, "the message \(message) was delivered",
                hint: "only what failed, or waits, is tried again")
        }
        try run(
            operation,
            """
            UPDATE deliveries SET state = 'pending', tries = 0, next_attempt_at = ?2, finished_at = NULL WHERE number = ?1
            """, [.integer(before.number), Value(now)])
        mail.isThere = true
        return try stored(message, name, operation)
    }

    private func refuseUnlessEnabled(_ name: String, _ operation: String) throws(StoreError) {
        guard let webhook = try webhook(name) else {
            throw StoreError(.unknownWebhook, operation, "there is no webhook \(name)")
        }
        guard let disabled = webhook.disabled else { return }
        throw StoreError(
            .illegalTransition, operation, "the webhook \(name) is disabled, since \(disabled.reason)",
            hint: "PUT /v1/webhooks/\(name) lets it get messages again")
    }

    private func stored(_ message: String, _ name: String, _ operation: String) throws(StoreError) -> Delivery {
        guard let delivery = try delivery(message, to: name) else {
            throw StoreError(.unknownDelivery, operation, "the webhook \(name) has no delivery \(message)")
        }
        return delivery
    }

    private func delivery(_ number: Int64, _ operation: String) throws(StoreError) -> Delivery? {
        try first(operation, "SELECT * FROM deliveries WHERE number = ?", [.integer(number)]) {
            row throws(SQLiteError) in try Delivery(row)
        }
    }

    /// Removes the oldest deliveries of a receiver that have ended, above `bound`.
    private func trimDeliveries(
        of target: String, _ operation: String, to bound: Int = Limits.finishedDeliveries
    ) throws(StoreError) {
        try run(
            operation,
            """
            DELETE FROM deliveries WHERE target = ?1 AND state <> 'pending' AND number <= (
                SELECT number FROM deliveries WHERE target = ?1 AND state <> 'pending'
                ORDER BY number DESC LIMIT 1 OFFSET ?2)
            """, [.text(target), Value(bound)])
    }
}

extension Delivery {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            number: try row.int("number"), message: try row.text("message"), type: try row.text("type"),
            pipeline: try row.optionalText("pipeline"),
            state: try row.decoded("state") { DeliveryState(rawValue: $0) }, attempts: Int(try row.int("attempts")),
            tries: Int(try row.int("tries")), createdAt: try row.timestamp("created_at"),
            nextAttemptAt: try row.optionalTimestamp("next_attempt_at"))
        attemptedAt = try row.optionalTimestamp("attempted_at")
        finishedAt = try row.optionalTimestamp("finished_at")
        status = try row.optionalInt("status").map { Int($0) }
        error = try row.optionalText("error")
        duration = try row.optionalInt("duration").map { .microseconds($0) }
    }
}
