public import Platform

/// One attempt at a message, as it is handed to who posts it.
public struct Letter: Sendable, Equatable {
    /// Where it goes.
    public enum Receiver: Sendable, Equatable {
        /// An address, with the keys that sign the message, the newest first. Only public addresses, and those that the
        /// operator allows, may be connected to.
        case webhook(url: String, keys: [[UInt8]])
        /// What the operator has set for lineage events.
        case lineage
    }

    /// Where it goes.
    public var receiver: Receiver
    /// The identifier of the message: the same in every attempt.
    public var message: String
    /// When the attempt is made.
    public var time: Timestamp
    /// What is sent, byte for byte.
    public var body: String

    /// Makes an attempt.
    public init(to receiver: Receiver, message: String, time: Timestamp, body: String) {
        self.receiver = receiver
        self.message = message
        self.time = time
        self.body = body
    }
}

/// What came of an attempt.
public enum PostOutcome: Sendable, Equatable {
    /// The receiver answered, whatever it was; and how long it asks to be left alone.
    case answered(status: Int, retryAfter: Duration?)
    /// There was no answer, for the reason given; it names no address, which may hold secrets.
    case failed(String)
}

/// Posts messages: over the network in the program, a scripted one where a test needs a receiver to fail.
///
/// Blocks, for `Limits.deliveryTime` at most; for threads that we own. Ends early when `stop` is raised.
public protocol LetterPosting: Sendable {
    /// Makes one attempt.
    func post(_ letter: Letter, stop: StopToken) -> PostOutcome
}

/// What the outbox needs of its surroundings.
public struct OutboxConfiguration: Sendable {
    /// Who posts the messages.
    public var poster: any LetterPosting
    /// What `${NAME}` in addresses and secrets is looked up in.
    public var environment: [String: String]
    /// The namespace of the jobs that lineage events tell of; nil when nobody wants such events.
    public var lineageNamespace: String?

    /// Makes a configuration; without a namespace there are no lineage events.
    public init(poster: any LetterPosting, environment: [String: String], lineageNamespace: String? = nil) {
        self.poster = poster
        self.environment = environment
        self.lineageNamespace = lineageNamespace
    }
}
