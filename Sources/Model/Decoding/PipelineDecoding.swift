internal import Platform

/// Decodes pipelines.
struct PipelineDecoding {
    /// Where what is wrong is noted.
    let findings: Findings

    private static let keys = [
        "name", "description", "schedule", "paused", "after", "max_upstream_age", "pool", "priority", "retries",
        "timeout", "freshness", "steps",
    ]

    /// The pipeline of a node; nil, with the reasons noted, when it is refused.
    func pipeline(_ node: DocumentNode, path: String, name: String?) -> Pipeline? {
        guard let fields = Fields(node, path: path, called: "a pipeline", findings: findings) else { return nil }
        fields.allow(PipelineDecoding.keys, of: "a pipeline")
        let name = fields.ownName(given: name, of: "pipeline")
        let description = description(fields)
        let schedule = ScheduleDecoding(pipeline: fields).schedule()
        let isPaused = isPaused(fields)
        let after = after(fields, name)
        let maxUpstreamAge = maxUpstreamAge(fields)
        let retries = retries(fields)
        let timeout = fields.duration("timeout", in: Limits.shortestTimeout...Limits.longestTimeout)
        let pool = fields.has("pool") ? fields.name("pool") : nil
        let priority = fields.has("priority") ? fields.word("priority", RunPriority.self) : nil
        let freshness = FreshnessDecoding(owner: fields)
        let policy = freshness.policy()
        let steps = steps(fields)
        if let steps { freshness.check(policy, of: steps) }
        guard let name, let steps else { return nil }
        var pipeline = Pipeline(
            name: name, description: description, after: after, retries: retries, timeout: timeout, steps: steps)
        pipeline.maxUpstreamAge = maxUpstreamAge
        pipeline.schedule = schedule
        pipeline.isPaused = isPaused
        pipeline.freshness = policy
        pipeline.pool = pool
        pipeline.priority = priority ?? .normal
        return pipeline
    }

    private func isPaused(_ fields: Fields) -> Bool {
        let isPaused = fields.flag("paused") ?? false
        if isPaused, fields.node("schedule") == nil {
            fields.refuse(
                "paused", "the pipeline has no `schedule` that could be paused",
                hint: "Add a schedule, or remove `paused`.")
        }
        return isPaused
    }

    private func description(_ fields: Fields) -> String {
        guard let node = fields.node("description") else { return "" }
        guard case .scalar(.string(let text)) = node.content else {
            fields.refuse("description", "`description` must be a text, not \(node.kind)", hint: "Put it in quotes.")
            return ""
        }
        return text
    }

    private func after(_ fields: Fields, _ name: String?) -> [String] {
        let names = fields.identifiers("after") ?? []
        if let name, names.contains(name) {
            fields.refuse(
                "after", "the pipeline `\(name)` cannot run after itself", hint: "Remove the name from `after`.",
                code: .dependencyCycle)
        }
        return names
    }

    private func maxUpstreamAge(_ fields: Fields) -> Duration? {
        let age = fields.duration("max_upstream_age", in: Limits.shortestPeriod...Limits.longestReach)
        if age != nil, fields.identifiers("after")?.isEmpty ?? true {
            fields.refuse(
                "max_upstream_age", "the pipeline runs after no other whose data could be old",
                hint: "Add `after` with the pipelines before it, or remove `max_upstream_age`.")
        }
        return age
    }

    private func retries(_ fields: Fields) -> RetryPolicy {
        var policy = RetryPolicy()
        guard let fields = fields.mapping("retries") else { return policy }
        fields.allow(["max_attempts", "backoff", "max_backoff"], of: "`retries`")
        if let attempts = fields.whole("max_attempts", in: 1...Int64(Limits.attempts)) {
            policy.maxAttempts = Int(attempts)
        }
        let waits = Duration.zero...Limits.longestBackoff
        let backoff = fields.duration("backoff", in: waits)
        let longest = fields.duration("max_backoff", in: waits)
        policy.backoff = backoff ?? policy.backoff
        policy.maxBackoff = longest ?? max(policy.maxBackoff, policy.backoff)
        if policy.maxBackoff < policy.backoff {
            if backoff == nil {
                // Only the longest wait was asked for, and it is below the usual first one.
                policy.backoff = policy.maxBackoff
            } else {
                fields.refuse(
                    "max_backoff", "`max_backoff` is shorter than `backoff`",
                    hint: "Make it at least \(DurationText.format(policy.backoff)).")
            }
        }
        return policy
    }

    private func steps(_ fields: Fields) -> [Step]? {
        guard fields.node("steps") != nil else {
            fields.miss("steps", "the pipeline has no `steps`", hint: "Add a list with at least one step.")
            return nil
        }
        guard let nodes = fields.list("steps") else { return nil }
        guard !nodes.isEmpty else {
            fields.refuse("steps", "the pipeline's list of steps is empty", hint: "Add at least one step.")
            return nil
        }
        guard nodes.count <= Limits.pipelineSteps else {
            fields.refuse(
                "steps", "the pipeline has \(nodes.count) steps; it may have \(Limits.pipelineSteps)",
                hint: "Split it into several pipelines.")
            return nil
        }
        let decoded = nodes.enumerated().map { index, node in
            StepDecoding(findings: findings).step(node, path: "\(fields.path("steps"))[\(index)]")
        }
        checkNames(nodes, decoded, path: fields.path("steps"))
        checkSharing(nodes, decoded, path: fields.path("steps"))
        let steps = decoded.compactMap { $0 }
        // A cycle is looked for among what could be decoded, so that it is told together with other faults.
        checkCycle(nodes, decoded, path: fields.path("steps"))
        return steps.count == nodes.count ? steps : nil
    }

    private func checkNames(_ nodes: [DocumentNode], _ steps: [Step?], path: String) {
        let names = nodes.map { $0["name"]?.json.string }
        for (index, name) in names.enumerated() {
            guard let name, let first = names[..<index].firstIndex(of: name) else { continue }
            findings.fail(
                .invalidValue, "the step `\(name)` stands here again; it is also steps[\(first)]",
                hint: "Give one of them another name.", field: "\(path)[\(index)].name",
                mark: nodes[index]["name"]?.mark ?? nodes[index].mark)
        }
        for (index, step) in steps.enumerated() {
            for (place, other) in (step?.dependsOn ?? []).enumerated() where !names.contains(other) {
                findings.fail(
                    .unknownStep, "the step `\(step?.name ?? "")` depends on `\(other)`, which is no step here",
                    hint: NearestName.hint(
                        other, among: names.compactMap { $0 }, otherwise: "Add the step or remove the name."),
                    field: "\(path)[\(index)].depends_on[\(place)]",
                    mark: nodes[index]["depends_on"]?.mark ?? nodes[index].mark)
            }
        }
    }

    /// Refuses steps that load one table when one of them takes every row that its own source lacks for deleted.
    private func checkSharing(_ nodes: [DocumentNode], _ steps: [Step?], path: String) {
        let steps = steps.map { $0?.load }
        for (index, step) in steps.enumerated() {
            guard let step,
                let other = steps[..<index].compactMap({ $0 }).first(where: { $0.destination.isSame(step.destination) }
                ),
                let remover = [step, other].first(where: \.removesWhatItsSourceLacks)
            else { continue }
            findings.fail(
                .invalidValue,
                "the steps `\(other.name)` and `\(step.name)` load the same table `\(step.destination.table)`, of which "
                    + "`\(remover.name)` removes every row that its own source lacks",
                hint: "Give one of them another table, or load both sources by one step with a query.",
                field: "\(path)[\(index)].destination", mark: nodes[index]["destination"]?.mark ?? nodes[index].mark)
        }
    }

    private func checkCycle(_ nodes: [DocumentNode], _ steps: [Step?], path: String) {
        let known = zip(nodes.indices, steps).compactMap { index, step in step.map { (index, $0) } }
        guard case .cycle(let names) = StepOrder.order(known.map { ($0.1.name, $0.1.dependsOn) }),
            let index = known.first(where: { $0.1.name == names.first })?.0
        else { return }
        findings.fail(
            .dependencyCycle, "the steps depend on each other in a circle: \(names.joined(separator: " -> "))",
            hint: "Remove one of these from `depends_on`.", field: "\(path)[\(index)].depends_on",
            mark: nodes[index]["depends_on"]?.mark ?? nodes[index].mark)
    }
}
