public import Platform

/// The highest cursor value whose rows are committed in the destination, for one step.
public struct Watermark: Sendable, Equatable {
    /// The pipeline's name.
    public var pipeline: String
    /// The step's name.
    public var step: String
    /// The cursor column.
    public var cursor: String
    /// The cursor value, byte for byte; nil when the step has no watermark.
    public var value: CursorValue?
    /// The key of a row at `value`, the greatest among those that share it; empty when unknown or set by a person.
    public var key: [CursorValue]
    /// When it last changed.
    public var updatedAt: Timestamp
    /// The run that moved it; nil when a person set it.
    public var run: String?
    /// Why a person set it; nil when a run moved it.
    public var reason: String?
    /// Counts the changes, from 1.
    public var version: Int

    /// Makes a watermark.
    public init(
        pipeline: String, step: String, cursor: String, value: CursorValue?, key: [CursorValue] = [],
        updatedAt: Timestamp, run: String? = nil, reason: String? = nil, version: Int
    ) {
        self.pipeline = pipeline
        self.step = step
        self.cursor = cursor
        self.value = value
        self.key = key
        self.updatedAt = updatedAt
        self.run = run
        self.reason = reason
        self.version = version
    }
}

/// What setting a watermark would do.
public struct WatermarkPreview: Sendable, Equatable {
    /// The watermark as it stands; nil when there is none.
    public var current: CursorValue?
    /// The watermark as it would be; nil when it would be removed.
    public var proposed: CursorValue?
    /// Rows of the source that the next run would read.
    public var rowsToRead: Int
    /// Rows of the source above the current watermark that would be passed over.
    public var rowsSkipped: Int

    /// Makes a preview.
    public init(current: CursorValue?, proposed: CursorValue?, rowsToRead: Int, rowsSkipped: Int) {
        self.current = current
        self.proposed = proposed
        self.rowsToRead = rowsToRead
        self.rowsSkipped = rowsSkipped
    }
}
