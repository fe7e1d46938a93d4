internal import Platform

/// Decodes how old tables may be.
struct FreshnessDecoding {
    /// The keys of the pipeline or the step.
    let owner: Fields

    /// The policy; nil when there is none, or one that is refused.
    func policy() -> FreshnessPolicy? {
        guard let fields = owner.mapping("freshness") else { return nil }
        fields.allow(["warn_after", "error_after", "basis"], of: "`freshness`")
        let ages = Limits.shortestAge...Limits.longestReach
        let policy = FreshnessPolicy(
            warnAfter: fields.duration("warn_after", in: ages), errorAfter: fields.duration("error_after", in: ages),
            basis: fields.word("basis", FreshnessBasis.self))
        if let warn = policy.warnAfter, let error = policy.errorAfter, warn > error {
            fields.refuse(
                "warn_after",
                "`warn_after` (\(DurationText.format(warn))) is longer than `error_after` (\(DurationText.format(error)))",
                hint: "Warn before it is too late: make it at most \(DurationText.format(error)).")
        }
        if fields.node("warn_after") == nil, fields.node("error_after") == nil {
            fields.miss(
                "error_after", "`freshness` has neither `warn_after` nor `error_after`",
                hint: "Add the age from which the table is stale, such as `error_after: 2h`.")
        }
        return policy
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
