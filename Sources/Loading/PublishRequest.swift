public import Model

/// What a backfill has staged, as a worker is to publish it.
public struct PublishRequest: Sendable {
    /// The backfill's identifier.
    public var backfill: String
    /// The pipeline's name.
    public var pipeline: String
    /// The step.
    public var step: LoadStep
    /// The destination's file, which holds what was staged.
    public var destination: DatabaseFile
    /// Allow the removal of more rows of the range than the step's `max_shrink`.
    public var allowShrink: Bool
    /// Only tell what publishing would do: all is done, and the destination left as it was.
    public var isTrial: Bool

    /// Makes a request.
    public init(
        backfill: String, pipeline: String, step: LoadStep, destination: DatabaseFile, allowShrink: Bool = false,
        isTrial: Bool = false
    ) {
        self.backfill = backfill
        self.pipeline = pipeline
        self.step = step
        self.destination = destination
        self.allowShrink = allowShrink
        self.isTrial = isTrial
    }

    /// The load of the shadow: what was staged is the source, in the destination's own file.
    func load(of shadow: String) -> LoadRequest {
        var step = step
        step.source.relation = .table(shadow)
        step.columns = ColumnSelection()
        step.cursor = nil
        var request = LoadRequest(
            run: backfill, pipeline: pipeline, step: step, attempt: 1, source: destination, destination: destination,
            allowShrink: allowShrink)
        request.isBackfill = true
        return request
    }
}
