internal import Engine
internal import Model
internal import Synchronization

/// Writes the metrics, and keeps what was written of each pipeline for as long as nothing of it changes: of thousands of
/// pipelines most lines are only copied. May be used on any thread.
final class MetricsPage: Sendable {
    fileprivate struct Kept: Sendable {
        let standing: Int
        let tally: Int
        let metrics: PipelineMetrics
    }

    fileprivate struct State {
        var kept: [String: Kept] = [:]
        /// Bytes of the last page.
        var bytes = 0
    }

    private let state = Mutex(State())

    /// Keeps nothing yet.
    init() {}

    /// The metrics in a format.
    func text(_ reading: ServerMetrics.Reading, _ format: MetricsText.Format) -> [UInt8] {
        let (pipelines, bytes) = state.withLock { state in
            (state.metrics(of: reading.measures.pipelines), state.bytes)
        }
        var text = MetricsText(format, capacity: bytes + bytes / 16)
        for writer in ServerMetrics.table {
            var samples = MetricSamples()
            writer.write(reading, &samples)
            text.add(writer.metric, samples)
        }
        for (place, entry) in PipelineMetrics.table.enumerated() {
            guard pipelines.contains(where: { !$0.samples[place].isEmpty }) else { continue }
            text.begin(entry.metric)
            for pipeline in pipelines { text.append(pipeline.samples[place]) }
        }
        text.end()
        state.withLock { $0.bytes = text.bytes.count }
        return text.bytes
    }
}

extension MetricsPage.State {
    fileprivate mutating func metrics(of pipelines: [Measures.Pipeline]) -> [PipelineMetrics] {
        // Those of pipelines that are gone must not stay for ever.
        if kept.count > 2 * pipelines.count + 100 { kept = [:] }
        return pipelines.map { pipeline in
            let (standing, tally) = (pipeline.standing.revision, pipeline.tally?.revision ?? 0)
            let name = pipeline.standing.freshness.name
            if let known = kept[name], known.standing == standing, known.tally == tally { return known.metrics }
            let metrics = PipelineMetrics(pipeline)
            kept[name] = MetricsPage.Kept(standing: standing, tally: tally, metrics: metrics)
            return metrics
        }
    }
}
