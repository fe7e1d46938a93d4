public import Model
public import Platform

/// A load of one step that has ended in its destination.
public struct FinishedLoad: Sendable, Equatable {
    /// What it did.
    public var result: LoadResult
    /// The step's watermark, read together with the record; nil when the load left none.
    public var watermark: Watermark?
    /// When its last commit was made, where that was looked up in the destination; nil otherwise.
    public var committedAt: Timestamp?

    /// Makes a finished load.
    public init(result: LoadResult, watermark: Watermark?) {
        self.result = result
        self.watermark = watermark
    }
}
