public import Model

/// A load of one step that has ended in its destination.
public struct FinishedLoad: Sendable, Equatable {
    /// What it did.
    public var result: LoadResult
    /// The step's watermark, read together with the record; nil when the load left none.
    public var watermark: Watermark?

    /// Makes a finished load.
    public init(result: LoadResult, watermark: Watermark?) {
        self.result = result
        self.watermark = watermark
    }
}
