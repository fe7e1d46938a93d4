public import Model
internal import Store

/// What a monitoring system is told.
public struct Measures: Sendable {
    /// How far a step has come.
    public struct Step: Sendable {
        /// The pipeline's name.
        public let pipeline: String
        /// The step's name.
        public let step: String
        /// Its watermark; nil where it has none, and for one that is neither a time nor a number.
        public let watermark: PartitionBound.Place?
        /// How far the last audit has found both sides to be the same; nil where none has.
        public let verifiedThrough: PartitionBound.Place?
    }

    /// The steps that have a watermark, by pipeline and step.
    public let steps: [Step]
    /// Jobs that wait for their turn, and jobs in hand.
    public let jobs: (waiting: Int, running: Int)
    /// Workers, and those of them that have a run in hand.
    public let workers: (all: Int, busy: Int)
}

extension LoadEngine {
    /// What a monitoring system is told, as it is now. Reads the control database; short.
    public func measures() throws(Failure) -> Measures {
        let steps = try store.reading { [catalog] (session) throws(Failure) in
            let places = try storing { () throws(StoreError) in try session.stepPlaces() }
            var steps: [Measures.Step] = []
            for place in places {
                // A step that its document lost keeps its watermark, of which nobody can tell what it means.
                guard let step = (try? catalog.pipeline(place.pipeline, session))?.step(place.step)?.load,
                    let cursor = step.cursor
                else { continue }
                steps.append(
                    Measures.Step(
                        pipeline: place.pipeline, step: place.step,
                        watermark: place.watermark.flatMap { cursor.place(of: $0, step.strategy) },
                        verifiedThrough: place.verifiedThrough.flatMap { cursor.place(of: $0, step.strategy) }))
            }
            return steps
        }
        return Measures(steps: steps, jobs: dispatcher.load, workers: dispatcher.workers)
    }
}
