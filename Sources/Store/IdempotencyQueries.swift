internal import Platform
internal import SQLite

/// The answer that a request with an idempotency key got.
public struct StoredAnswer: Sendable, Equatable {
    /// The HTTP status.
    public var status: Int
    /// The headers as JSON text.
    public var headers: String
    /// The body.
    public var body: [UInt8]

    /// Makes an answer to be kept.
    public init(status: Int, headers: String, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// What is known of a request's idempotency key.
public enum IdempotencyClaim: Sendable, Equatable {
    /// The key is new and now belongs to this request.
    case fresh
    /// The same request was answered so.
    case replay(StoredAnswer)
    /// The key belongs to another request.
    case mismatch
    /// The same request is in hand; the run that it started, where it started one.
    case inProgress(run: String?)
}

extension Transaction {
    /// Claims a key for the request with this fingerprint; make the work's own changes in the same transaction.
    ///
    /// A key is free again `Limits.idempotencyTime` after it was claimed.
    public func claim(key: String, fingerprint: String) throws(StoreError) -> IdempotencyClaim {
        let operation = "claim the idempotency key"
        try run(
            operation, "DELETE FROM idempotency_keys WHERE created_at <= ?",
            [Value(now.adding(.zero - Limits.idempotencyTime))])
        let found = try first(
            operation, "SELECT fingerprint, run, status, headers, body FROM idempotency_keys WHERE key = ?",
            [.text(key)]
        ) { row throws(SQLiteError) -> IdempotencyClaim in
            guard try row.text("fingerprint") == fingerprint else { return .mismatch }
            guard let status = try row.optionalInt("status") else {
                return .inProgress(run: try row.optionalText("run"))
            }
            return .replay(
                StoredAnswer(status: Int(status), headers: try row.text("headers"), body: try row.blob("body")))
        }
        if let found { return found }
        try run(
            operation, "INSERT INTO idempotency_keys (key, fingerprint, created_at) VALUES (?, ?, ?)",
            [.text(key), .text(fingerprint), Value(now)])
        return .fresh
    }

    /// Says which run a claimed key's request started, so that a repetition finds it also after a crash.
    public func attach(run: String, toKey key: String) throws(StoreError) {
        try self.run(
            "keep the run of the idempotency key", "UPDATE idempotency_keys SET run = ? WHERE key = ?",
            [.text(run), .text(key)])
    }

    /// Keeps the answer to a claimed key's request; a later one takes its place.
    public func saveAnswer(_ answer: StoredAnswer, forKey key: String) throws(StoreError) {
        try run(
            "keep the answer", "UPDATE idempotency_keys SET status = ?, headers = ?, body = ? WHERE key = ?",
            [Value(answer.status), .text(answer.headers), .blob(answer.body), .text(key)])
    }

    /// Gives a claimed key back, after a failure that a repetition may mend.
    public func release(key: String) throws(StoreError) {
        try run("give the idempotency key back", "DELETE FROM idempotency_keys WHERE key = ?", [.text(key)])
    }

    /// Gives back keys whose requests ended with the server that had them in hand, unless they started a run.
    func forgetRequestsInHand() throws(StoreError) {
        try run(
            "give idempotency keys back", "DELETE FROM idempotency_keys WHERE status IS NULL AND run IS NULL")
    }
}
