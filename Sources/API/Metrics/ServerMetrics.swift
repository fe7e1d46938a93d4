internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// The metrics of the server as a whole, in the order they are written in.
enum ServerMetrics {
    /// What they are told from.
    struct Reading {
        /// What the engine knows.
        let measures: Measures
        /// What was answered.
        let requests: [(target: RequestMeter.Target, tally: RequestMeter.Tally)]
        /// What the process uses.
        let process = ProcessFigures()
        /// When it started.
        let startedAt: Timestamp
        /// What it was built of, and which version of it.
        let build: [(name: String, version: String)]
    }

    /// What writes one of them.
    typealias Entry = MetricWriter<Reading>

    /// All of them.
    static let table: [Entry] = engine + control + requests + process

    private static let engine: [Entry] = [
        single(
            "strandline_freshness_evaluated_timestamp_seconds", .gauge,
            "When freshness was last looked at by the clock, for history and messages; at least once a minute."
        ) { $0.measures.evaluatedAt.map { MetricSamples.seconds($0) } },
        MetricWriter(
            Metric(
                "strandline_run_duration_seconds", .histogram,
                "How long the runs took that have ended since the process started, those aside that never began."),
            { reading, samples in
                samples.add("strandline_run_duration_seconds", [], reading.measures.durations)
            }
        ),
        MetricWriter(
            Metric(
                "strandline_jobs", .gauge, labels: ["lane", "state"],
                "Jobs in the queue and in hand, by who carries them out."),
            { reading, samples in
                for load in reading.measures.lanes {
                    for (state, count) in [("queued", load.waiting), ("running", load.running)] {
                        samples.add(
                            "strandline_jobs", [("lane", load.lane.rawValue), ("state", state)], String(count))
                    }
                }
            }
        ),
        single("strandline_workers", .gauge, "Workers that carry out runs.") { String($0.measures.workers.all) },
        single("strandline_workers_busy", .gauge, "Workers that have a run in hand.") {
            String($0.measures.workers.busy)
        },
        MetricWriter(
            Metric(
                "strandline_backfill_partitions", .gauge, labels: ["pipeline", "step", "state"],
                "Partitions of the backfills that are not at their end."), partitions
        ),
    ]

    private static let control: [Entry] = [
        single(
            "strandline_control_log_bytes", .gauge,
            "The write-ahead log of the control database; it grows while a read holds checkpoints back."
        ) { String($0.measures.control.logBytes) },
        single(
            "strandline_control_oldest_read_timestamp_seconds", .gauge,
            "When the oldest read of the control database that is in hand began."
        ) { $0.measures.oldestReadAt.map { MetricSamples.seconds($0) } },
        single(
            "strandline_control_waiting_changes", .gauge, "Changes of the control database that wait for their commit."
        ) {
            String($0.measures.control.waitingChanges)
        },
        single(
            "strandline_control_writable", .gauge,
            "Whether the control database can be written, 0 or 1: 0 from a refusal of the disk to the next commit."
        ) { $0.measures.isWritable ? "1" : "0" },
    ]

    private static let requests: [Entry] = [
        MetricWriter(
            Metric(
                "strandline_http_requests_total", .counter, labels: ["route", "method", "code"],
                "Requests that have ended since the process started; code is none where the client left before the answer."
            ),
            { reading, samples in
                for (target, tally) in reading.requests {
                    for (status, count) in tally.statuses.sorted(by: { $0.key < $1.key }) {
                        let code = status == 0 ? "none" : String(status)
                        samples.add("strandline_http_requests_total", target.labels + [("code", code)], String(count))
                    }
                }
            }
        ),
        MetricWriter(
            Metric(
                "strandline_http_request_duration_seconds", .histogram, labels: ["route", "method"],
                "How long they took to the end of their answer, waits that were asked for included, streams aside."),
            { reading, samples in
                for (target, tally) in reading.requests where tally.times.count > 0 {
                    samples.add("strandline_http_request_duration_seconds", target.labels, tally.times)
                }
            }
        ),
    ]

    private static let process: [Entry] = [
        MetricWriter(
            Metric(
                "strandline_build_info", .info, labels: ["version", "sqlite", "libmicrohttpd", "libyaml", "libcurl"],
                "The versions of the program and of its libraries."),
            { reading, samples in samples.add("strandline_build_info", reading.build.map { ($0.name, $0.version) }, "1")
            }
        ),
        single("process_cpu_seconds_total", .counter, "Time that the process has spent on processors.") {
            MetricSamples.seconds($0.process.processorTime)
        },
        single("process_resident_memory_bytes", .gauge, "Memory of the process that lies in main memory.") {
            $0.process.residentBytes.map { String($0) }
        },
        single("process_virtual_memory_bytes", .gauge, "Address space of the process.") {
            $0.process.virtualBytes.map { String($0) }
        },
        single("process_open_fds", .gauge, "Open files and sockets of the process.") {
            $0.process.openFiles.map { String($0) }
        },
        single("process_max_fds", .gauge, "Files and sockets that the process may have open.") {
            $0.process.openFilesBound.map { String($0) }
        },
        single("process_start_time_seconds", .gauge, "When the process started.") {
            MetricSamples.seconds($0.startedAt)
        },
    ]

    private static func partitions(_ reading: Reading, _ samples: inout MetricSamples) {
        for load in reading.measures.backfills {
            let counts = load.partitions
            let states: [(PartitionState, Int)] = [
                (.pending, counts.pending), (.running, counts.running), (.success, counts.success),
                (.failed, counts.failed), (.cancelled, counts.cancelled),
            ]
            for (state, count) in states {
                samples.add(
                    "strandline_backfill_partitions",
                    [("pipeline", load.pipeline), ("step", load.step), ("state", state.rawValue)], String(count))
            }
        }
    }

    /// A metric of one sample without labels, or of none.
    private static func single(
        _ name: String, _ kind: Metric.Kind, _ help: String, _ value: @escaping @Sendable (Reading) -> String?
    ) -> Entry {
        MetricWriter(
            Metric(name, kind, help),
            { reading, samples in if let value = value(reading) { samples.add(name, [], value) } })
    }
}

extension RequestMeter.Target {
    fileprivate var labels: [(name: String, value: String)] { [("route", route), ("method", method)] }
}
