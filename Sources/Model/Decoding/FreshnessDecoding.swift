internal import Platform

/// Decodes how old tables may be.
struct FreshnessDecoding {
    /// The keys of the pipeline or the step.
    let owner: Fields

    /// The policy; nil when there is none, or one that is refused.
    func policy() -> FreshnessPolicy? {
        guard let fields = owner.mapping("freshness") else { return nil }
        fields.allow(["warn_after", "error_after", "basis", "deadline"], of: "`freshness`")
        let ages = Limits.shortestAge...Limits.longestReach
        let policy = FreshnessPolicy(
            warnAfter: fields.duration("warn_after", in: ages), errorAfter: fields.duration("error_after", in: ages),
            basis: fields.word("basis", FreshnessBasis.self), deadline: deadline(fields))
        if let warn = policy.warnAfter, let error = policy.errorAfter, warn > error {
            fields.refuse(
                "warn_after",
                "`warn_after` (\(DurationText.format(warn))) is longer than `error_after` (\(DurationText.format(error)))",
                hint: "Warn before it is too late: make it at most \(DurationText.format(error)).")
        }
        if ["warn_after", "error_after", "deadline"].allSatisfy({ fields.node($0) == nil }) {
            fields.miss(
                "error_after", "`freshness` has neither `warn_after` nor `error_after` nor `deadline`",
                hint: "Add the age from which the table is stale, such as `error_after: 2h`.")
        }
        return policy
    }

    private func deadline(_ freshness: Fields) -> FreshnessDeadline? {
        guard let fields = freshness.mapping("deadline") else { return nil }
        fields.allow(["cron", "timezone", "lower_bound"], of: "`deadline`")
        let zone = fields.zone()
        for key in ["cron", "lower_bound"] where fields.node(key) == nil {
            fields.miss(
                key, "`deadline` has no `\(key)`",
                hint: "By six there must be data of the last eight hours: `{ cron: \"0 6 * * *\", lower_bound: 8h }`.")
        }
        let bound = fields.duration("lower_bound", in: .zero...Limits.longestReach)
        guard let expression = fields.expression("cron"), let zone, let bound else { return nil }
        return FreshnessDeadline(expression: expression, zone: zone, lowerBound: bound)
    }

    /// Refuses the watermark as a basis where no cursor of `steps` is a time.
    func check(_ policy: FreshnessPolicy?, of steps: [Step]) {
        guard policy?.basis == .watermark, !steps.contains(where: { $0.load?.cursorIsTime == true }),
            let fields = owner.mapping("freshness")
        else { return }
        fields.refuse(
            "basis", "the age of a watermark cannot be told here: no cursor is a time",
            hint: "Use `basis: last_success`, or give the cursor a `format` such as unix_seconds.")
    }
}
