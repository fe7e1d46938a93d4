internal import Engine
internal import Model
internal import Platform

/// The metrics of a pipeline, in the order they are written in.
///
/// Times, never ages: a scrape that fails must not look like one that found nothing old. Times of what never happened are
/// absent; counts begin at 0, so that the first of a kind is seen as an increase.
struct PipelineMetrics: Sendable {
    /// What writes one of them.
    typealias Entry = MetricWriter<Measures.Pipeline>

    /// All of them.
    static let table: [Entry] = progress + clocks + freshness + work

    private static let progress: [Entry] =
        places("watermark", "The highest cursor value whose rows are committed in the destination") {
            $0.watermarkPlace
        }
        + places("verified_through", "How far the last audit found source and destination to be the same") {
            $0.verifiedPlace
        }

    private static let clocks: [Entry] = [
        time("last_success", "When the whole of the step was last committed, also with nothing new") {
            $0.clocks.lastSuccessAt
        },
        time("last_change", "When a load of the step last changed rows") { $0.clocks.lastChangeAt },
        time("last_attempt", "When the step was last begun") { $0.clocks.lastAttemptAt },
    ]

    private static let freshness: [Entry] = [
        MetricWriter(
            Metric(
                "strandline_freshness_state", .gauge, labels: ["pipeline", "state"],
                "Whether the pipeline is in the state, 0 or 1; that of its worst step, judged when it is scraped."),
            { pipeline, samples in
                let freshness = pipeline.standing.freshness
                for state in FreshnessState.allCases {
                    samples.add(
                        "strandline_freshness_state",
                        [("pipeline", freshness.name), ("state", state.rawValue)],
                        freshness.state == state ? "1" : "0")
                }
            }
        ),
        limit("warn_after", "The age from which the step is worth a look") { $0.warnAfter },
        limit("error_after", "The age from which the step is stale") { $0.errorAfter },
    ]

    private static let work: [Entry] = [
        MetricWriter(
            Metric(
                "strandline_runs_total", .counter, labels: ["pipeline", "state"],
                "Runs that have ended since the process started."),
            { pipeline, samples in
                for state in RunState.allCases where state.isFinal {
                    samples.add(
                        "strandline_runs_total",
                        [("pipeline", pipeline.standing.freshness.name), ("state", state.rawValue)],
                        String(pipeline.tally?.ended[state] ?? 0))
                }
            }
        ),
        MetricWriter(
            Metric(
                "strandline_run_seconds_total", .counter, labels: ["pipeline"],
                "How long those of the runs took that had begun, together."),
            { pipeline, samples in
                samples.add(
                    "strandline_run_seconds_total", [("pipeline", pipeline.standing.freshness.name)],
                    MetricSamples.seconds(pipeline.tally?.time ?? .zero))
            }
        ),
        MetricWriter(
            Metric(
                "strandline_rows_total", .counter, labels: ["pipeline", "step", "change"],
                "What those runs did to rows, by step."), rows
        ),
    ]

    /// The samples of each metric of `table`.
    let samples: [[UInt8]]

    /// Writes the samples of a pipeline.
    init(_ pipeline: Measures.Pipeline) {
        samples = PipelineMetrics.table.map { entry in
            var samples = MetricSamples()
            entry.write(pipeline, &samples)
            return samples.bytes
        }
    }

    private static func rows(_ pipeline: Measures.Pipeline, _ samples: inout MetricSamples) {
        let freshness = pipeline.standing.freshness
        for step in freshness.steps {
            guard let rows = pipeline.tally?.rows[step.name] else { continue }
            let changes = [
                ("inserted", rows.inserted), ("updated", rows.updated), ("unchanged", rows.unchanged),
                ("deleted", rows.deleted), ("quarantined", rows.quarantined),
            ]
            for (change, count) in changes {
                samples.add(
                    "strandline_rows_total",
                    [("pipeline", freshness.name), ("step", step.name), ("change", change)], String(count))
            }
        }
    }

    /// The two metrics of a place: an instant where the cursor is a time, else a number.
    private static func places(
        _ name: String, _ help: String, _ place: @escaping @Sendable (StepFreshness) -> PartitionBound.Place?
    ) -> [Entry] {
        [
            steps("strandline_\(name)_timestamp_seconds", help + ", for cursors that are times.") { step in
                if case .time(let time)? = place(step) { MetricSamples.seconds(time) } else { nil }
            },
            steps("strandline_\(name)_value", help + ", for cursors that are numbers.") { step in
                if case .number(let number)? = place(step) { String(number) } else { nil }
            },
        ]
    }

    private static func time(
        _ name: String, _ help: String, _ time: @escaping @Sendable (StepFreshness) -> Timestamp?
    ) -> Entry {
        steps("strandline_\(name)_timestamp_seconds", help + ".") { time($0).map { MetricSamples.seconds($0) } }
    }

    private static func limit(
        _ name: String, _ help: String, _ limit: @escaping @Sendable (FreshnessPolicy) -> Duration?
    ) -> Entry {
        steps("strandline_freshness_\(name)_seconds", help + ".") { step in
            step.policy.flatMap(limit).map { MetricSamples.seconds($0) }
        }
    }

    private static func steps(
        _ name: String, _ help: String, _ value: @escaping @Sendable (StepFreshness) -> String?
    ) -> Entry {
        MetricWriter(
            Metric(name, .gauge, labels: ["pipeline", "step"], help),
            { pipeline, samples in
                let freshness = pipeline.standing.freshness
                for step in freshness.steps {
                    guard let value = value(step) else { continue }
                    samples.add(name, [("pipeline", freshness.name), ("step", step.name)], value)
                }
            }
        )
    }
}
