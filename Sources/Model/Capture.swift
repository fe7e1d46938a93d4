public import Platform

/// A table of a source that records its own changes.
public struct Capture: Sendable, Equatable {
    /// The table's name.
    public var table: String
    /// The table beside it that holds the changes.
    public var log: String
    /// Why changes may be missing, and what to do; nil while all are recorded.
    public var fault: String?
    /// Since when changes are recorded.
    public var installedAt: Timestamp
    /// The number of changes in the log.
    public var events: Int
    /// The sequence of the last change ever recorded.
    public var lastSequence: Int64
    /// The steps that read the log, each with what it has applied.
    public var consumers: [Consumer]

    /// Makes the description of a capture.
    public init(
        table: String, log: String, fault: String? = nil, installedAt: Timestamp, events: Int, lastSequence: Int64,
        consumers: [Consumer]
    ) {
        self.table = table
        self.log = log
        self.fault = fault
        self.installedAt = installedAt
        self.events = events
        self.lastSequence = lastSequence
        self.consumers = consumers
    }

    /// A step that reads a capture's log; what it has not applied is not trimmed.
    public struct Consumer: Sendable, Equatable {
        /// Pipeline, step and destination.
        public var name: String
        /// The sequence up to which it has committed.
        public var applied: Int64
        /// When it said so.
        public var updatedAt: Timestamp
        /// The changes in the log that it has not applied.
        public var pending = 0
        /// Those among them that every other consumer has applied, so that the log keeps them for this one alone.
        public var held = 0
        /// Whether a step of this server reads the log under that name.
        public var isPresent = false

        /// Makes a consumer that nothing is known of but what it has applied.
        public init(name: String, applied: Int64, updatedAt: Timestamp) {
            self.name = name
            self.applied = applied
            self.updatedAt = updatedAt
        }
    }
}
