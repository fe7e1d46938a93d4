public import Platform

/// The kinds of messages; programs depend on the words.
public enum NoticeType: String, Sendable, CaseIterable {
    /// A run failed, and the one before had not.
    case runFailed = "run.failed"
    /// A run succeeded for the first time after failures.
    case runRecovered = "run.recovered"
    /// A check fails that did not fail before.
    case checkFailed = "check.failed"
    /// A check that failed passes again.
    case checkRecovered = "check.recovered"
    /// The source of a step, or its destination, differs from what it was loaded with before.
    case schemaChanged = "schema.changed"
    /// A backfill has come to its end, well or not.
    case backfillFinished = "backfill.finished"
    /// A pipeline is stale.
    case freshnessStale = "freshness.stale"
    /// A pipeline that was stale is fresh again.
    case freshnessRecovered = "freshness.recovered"
    /// Somebody asked for a message to see whether it arrives.
    case webhookTest = "webhook.test"

    /// Those that a webhook can ask for.
    public static var subscribable: [NoticeType] { allCases.filter { $0 != .webhookTest } }
}

/// A message about something that happened, before it is known who gets it.
public struct Notice: Sendable, Equatable {
    /// The kind.
    public var type: NoticeType
    /// The pipeline that it is about; nil for none.
    public var pipeline: String?
    /// What there is to know, by the kind.
    public var data: JSONValue

    /// Makes a message.
    public init(_ type: NoticeType, pipeline: String?, data: JSONValue) {
        self.type = type
        self.pipeline = pipeline
        self.data = data
    }

    /// The body that is sent, byte for byte, of something that happened at `time`.
    public func body(at time: Timestamp) -> String {
        JSONValue.object(["type": .string(type.rawValue), "timestamp": .string(time.rfc3339), "data": data]).text()
    }
}
