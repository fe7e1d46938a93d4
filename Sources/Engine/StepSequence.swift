internal import Model

/// Which step of a run comes next in one attempt, as a plain value.
///
/// Steps run one after another, each after all it depends on. A step whose dependency failed is skipped, and the steps
/// that depend on it in turn; the others still run.
struct StepSequence {
    /// What to do next.
    enum Next: Equatable {
        /// Carry out the step of this name.
        case run(String)
        /// Skip the step of this name because the other one failed.
        case skip(String, because: String)
        /// All steps are dealt with.
        case done
    }

    private let steps: [(name: String, dependsOn: [String])]
    private var place = 0
    /// The step that is to blame for each one that failed or was skipped.
    private var blame: [String: String] = [:]

    /// Makes the sequence of steps that are given in the order they run; a dependency that is not among them counts
    /// as met, since the run was asked for without it.
    init(_ steps: [(name: String, dependsOn: [String])]) {
        self.steps = steps
    }

    /// The next thing to do; `.done` for good at the end.
    mutating func next() -> Next {
        guard place < steps.count else { return .done }
        let step = steps[place]
        place += 1
        for dependency in step.dependsOn {
            guard let cause = blame[dependency] else { continue }
            blame[step.name] = cause
            return .skip(step.name, because: cause)
        }
        return .run(step.name)
    }

    /// Says that a step failed; steps that depend on it will be skipped.
    mutating func recordFailure(of step: String) {
        blame[step] = step
    }
}
