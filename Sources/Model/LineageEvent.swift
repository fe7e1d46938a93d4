public import Platform

/// Events of runs in the shape of OpenLineage 2-0-2.
public struct LineageEvent: Sendable, Equatable {
    /// What happened to a run.
    public enum Kind: String, Sendable, CaseIterable {
        case start = "START"
        case complete = "COMPLETE"
        case fail = "FAIL"
        case abort = "ABORT"

        /// How a run's end is called; nil while it has not ended.
        public init?(endOf state: RunState) {
            switch state {
            case .success: self = .complete
            case .failed: self = .fail
            case .cancelled: self = .abort
            case .queued, .running: return nil
            }
        }
    }

    /// What happened.
    public let kind: Kind
    /// The event as it is sent.
    public let json: JSONValue

    private static let producer: JSONValue = "urn:strandline"

    /// Something happened to a run of a pipeline, a job in `namespace`.
    public init(_ kind: Kind, _ run: Run, in namespace: String, at time: Timestamp) {
        self.kind = kind
        json = LineageEvent.event(
            kind, time, LineageIdentifier.run(run.id), LineageEvent.facets(kind, run, run.error),
            job: (namespace, run.pipeline, [LineageEvent.jobType("PIPELINE")]))
    }

    /// Something happened to an attempt at a step, a job of its own with the run as its parent; `datasets` is what it reads
    /// and writes, where that is known.
    public init(
        _ kind: Kind, _ step: StepRun, attempt: Int, of run: Run, _ datasets: LineageDatasets?, in namespace: String,
        at time: Timestamp
    ) {
        self.kind = kind
        let parent = LineageEvent.facet(
            "ParentRunFacet", "1-2-0",
            [
                .init("run", .object(["runId": .string(LineageIdentifier.run(run.id))])),
                .init("job", .object(["namespace": .string(namespace), "name": .string(run.pipeline)])),
            ])
        var job = [LineageEvent.jobType("STEP")]
        if let query = datasets?.query {
            job.append(.init("sql", LineageEvent.facet("SQLJobFacet", "1-1-0", [.init("query", .string(query))])))
        }
        let isEnd = kind != .start
        json = LineageEvent.event(
            kind, time, LineageIdentifier.step(step.name, attempt: attempt, of: run.id),
            [.init("parent", parent)] + LineageEvent.facets(kind, run, step.error),
            job: (namespace, "\(run.pipeline).\(step.name)", job),
            inputs: (datasets?.input).map { [LineageEvent.input($0, isEnd ? step.result : nil)] } ?? [],
            outputs: (datasets?.output).map { [LineageEvent.output($0, isEnd ? step.result : nil)] } ?? [])
    }

    private static func event(
        _ kind: Kind, _ time: Timestamp, _ id: String, _ facets: [JSONValue.Member],
        job: (namespace: String, name: String, facets: [JSONValue.Member]), inputs: [JSONValue] = [],
        outputs: [JSONValue] = []
    ) -> JSONValue {
        .object([
            "eventType": .string(kind.rawValue), "eventTime": .string(time.rfc3339),
            "run": .object(["runId": .string(id), "facets": .object(facets)]),
            "job": .object([
                "namespace": .string(job.namespace), "name": .string(job.name), "facets": .object(job.facets),
            ]), "inputs": .array(inputs), "outputs": .array(outputs), "producer": producer,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        ])
    }

    // MARK: Facets

    private static func facet(_ name: String, _ version: String, _ members: [JSONValue.Member]) -> JSONValue {
        .object(
            [
                .init("_producer", producer),
                .init(
                    "_schemaURL", .string("https://openlineage.io/spec/facets/\(version)/\(name).json#/$defs/\(name)")),
            ] + members)
    }

    private static func facets(_ kind: Kind, _ run: Run, _ error: Failure?) -> [JSONValue.Member] {
        let nominal = run.scheduledFor.map { time in
            JSONValue.Member(
                "nominalTime",
                facet("NominalTimeRunFacet", "1-0-1", [.init("nominalStartTime", .string(time.rfc3339))]))
        }
        let times = nominal.map { [$0] } ?? []
        guard kind == .fail || kind == .abort, let error else { return times }
        return times + [
            .init(
                "errorMessage",
                facet(
                    "ErrorMessageRunFacet", "1-0-1",
                    [.init("message", .string(error.message)), .init("programmingLanguage", "SQL")]))
        ]
    }

    private static func jobType(_ type: String) -> JSONValue.Member {
        .init(
            "jobType",
            facet(
                "JobTypeJobFacet", "2-0-4",
                [
                    .init("processingType", "BATCH"), .init("integration", "STRANDLINE"),
                    .init("jobType", .string(type)),
                ]))
    }

    private static func dataset(_ dataset: LineageDataset) -> [JSONValue.Member] {
        var facets: [JSONValue.Member] = []
        if let columns = dataset.columns {
            let fields = columns.map { column in
                JSONValue.object(
                    [.init("name", .string(column.name))]
                        + (column.type.isEmpty ? [] : [.init("type", .string(column.type))]))
            }
            facets.append(
                .init("schema", facet("SchemaDatasetFacet", "1-2-0", [.init("fields", .array(fields))])))
        }
        return [
            .init("namespace", .string(dataset.namespace)), .init("name", .string(dataset.name)),
            .init("facets", .object(facets)),
        ]
    }

    private static func input(_ input: LineageDataset, _ result: LoadResult?) -> JSONValue {
        var facets: [JSONValue.Member] = []
        if let result {
            facets.append(rows("inputStatistics", "InputStatisticsInputDatasetFacet", "1-0-0", result.counts.read))
            if !result.checks.isEmpty {
                facets.append(
                    .init(
                        "dataQualityAssertions",
                        facet(
                            "DataQualityAssertionsDatasetFacet", "1-1-0",
                            [.init("assertions", .array(result.checks.map(assertion)))])))
            }
        }
        return .object(dataset(input) + [.init("inputFacets", .object(facets))])
    }

    private static func output(_ output: LineageDataset, _ result: LoadResult?) -> JSONValue {
        let facets = result.map { result in
            [
                rows(
                    "outputStatistics", "OutputStatisticsOutputDatasetFacet", "1-0-2",
                    result.counts.inserted + result.counts.updated)
            ]
        }
        return .object(dataset(output) + [.init("outputFacets", .object(facets ?? []))])
    }

    private static func rows(_ key: String, _ name: String, _ version: String, _ count: Int) -> JSONValue.Member {
        .init(key, facet(name, version, [.init("rowCount", .integer(Int64(count)))]))
    }

    /// The rows that failed are not shown: they stay on the server.
    private static func assertion(_ check: CheckResult) -> JSONValue {
        .object([
            "assertion": .string(check.type.rawValue), "success": .bool(check.isPassed), "name": .string(check.name),
            "severity": .string(check.severity.rawValue), "description": .string(check.message),
        ])
    }
}
