public import Platform

/// A message on its way to one receiver.
public struct Delivery: Sendable, Equatable {
    /// Its place in the outbox; later ones are greater.
    public var number: Int64
    /// The identifier of the message: the same in every attempt.
    public var message: String
    /// The kind of the message.
    public var type: String
    /// The pipeline that it is about; nil for none.
    public var pipeline: String?
    /// Where it stands.
    public var state: DeliveryState
    /// How often it was tried.
    public var attempts: Int
    /// How often since it was sent, or last asked for again.
    public var tries: Int
    /// When it was put into the outbox.
    public var createdAt: Timestamp
    /// When it is tried next, while it is pending; nil otherwise.
    public var nextAttemptAt: Timestamp?
    /// When it was last tried; nil before.
    public var attemptedAt: Timestamp?
    /// When it was delivered or given up; nil before.
    public var finishedAt: Timestamp?
    /// The status that was last answered; nil where there was no answer.
    public var status: Int?
    /// Why the last attempt failed; nil when it did not.
    public var error: String?
    /// How long the last attempt took; nil before.
    public var duration: Duration?

    /// Makes a delivery that waits for its first attempt.
    public init(
        number: Int64, message: String, type: String, pipeline: String?, state: DeliveryState = .pending,
        attempts: Int = 0, tries: Int = 0, createdAt: Timestamp, nextAttemptAt: Timestamp? = nil
    ) {
        self.number = number
        self.message = message
        self.type = type
        self.pipeline = pipeline
        self.state = state
        self.attempts = attempts
        self.tries = tries
        self.createdAt = createdAt
        self.nextAttemptAt = nextAttemptAt
    }
}

/// The states of a delivery.
public enum DeliveryState: String, Sendable, CaseIterable {
    case pending, delivered, failed
}

/// What an attempt at a delivery came to.
public struct DeliveryAttempt: Sendable, Equatable {
    /// The status that was answered; nil where there was no answer.
    public var status: Int?
    /// Why it failed; nil when it did not.
    public var error: String?
    /// How long the receiver asks to be left alone; nil when it does not.
    public var retryAfter: Duration?
    /// How long it took.
    public var duration: Duration

    /// Makes an attempt.
    public init(status: Int?, error: String?, retryAfter: Duration? = nil, duration: Duration) {
        self.status = status
        self.error = error
        self.retryAfter = retryAfter
        self.duration = duration
    }

    /// Whether the message has arrived.
    public var isDelivered: Bool { error == nil && status.map { (200...299).contains($0) } ?? false }

    /// Whether the receiver wants no messages any more.
    public var isGone: Bool { status == 410 }

    /// When the next attempt follows, after the `tries`th one failed; nil when there is none. `jitter`, from 0 to 1, keeps
    /// receivers from being asked by all at once.
    ///
    /// The schedule is the one that the Standard Webhooks specification suggests: three days in all.
    public func wait(afterTry tries: Int, jitter: Double) -> Duration? {
        guard tries >= 1, tries <= DeliveryAttempt.waits.count else { return nil }
        let wait = DeliveryAttempt.waits[tries - 1] * (0.9 + 0.2 * jitter)
        return min(max(wait, retryAfter ?? .zero), DeliveryAttempt.longestWait)
    }

    /// The longest wait between two attempts.
    public static let longestWait = Duration.seconds(86_400)

    private static let waits: [Duration] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map {
        .seconds($0)
    }
}
