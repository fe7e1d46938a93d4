internal import Model

/// Which steps of a run come next in one attempt, as a plain value.
///
/// A step comes after all it depends on, and beside others where none of them writes a file that the other reads or
/// writes. Of steps that could come first, the one that the document lists first does; and what reads a file comes after
/// the steps listed before it which write that file, whether it depends on them or not.
struct StepSequence: Sendable {
    /// A step, as far as the order is concerned.
    struct Node: Sendable {
        let name: String
        let dependsOn: [String]
        var when = StepCondition.allSuccess
        /// The files that it reads and does not write, and those that it writes, by every name they are known by.
        var reads: Set<String> = []
        var writes: Set<String> = []
    }

    /// What to do next.
    enum Next: Equatable {
        /// Carry out the step of this name; it is in hand until it is said how it ended.
        case run(String)
        /// Skip the step of this name because the other one failed.
        case skip(String, because: String)
        /// Nothing before a step in hand has ended.
        case wait
        /// All steps are dealt with, but for those that another attempt decides about.
        case done
    }

    /// Where a step stands.
    private enum Standing: Equatable {
        case pending, running, success
        /// It failed, or was skipped because of `cause`. What is not `forGood` another attempt may mend.
        case failed(cause: String, forGood: Bool)
        /// It waits for another attempt to decide about what it depends on.
        case held
        /// It is not carried out any more.
        case left

        var isPending: Bool { self == .pending }
    }

    private let nodes: [Node]
    private var standings: [String: Standing]
    /// Whether no other attempt follows.
    private var isLast = false

    /// Makes the sequence of steps in an order in which each stands behind all it depends on; a dependency that is not
    /// among them counts as met, since the run was asked for without it, or has it behind it.
    init(_ nodes: [Node]) {
        self.nodes = nodes
        standings = Dictionary(nodes.map { ($0.name, .pending) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether steps are in hand.
    var isRunning: Bool { standings.values.contains(.running) }

    /// The next thing to do. What it answers counts as done, or as begun.
    mutating func next() -> Next {
        for node in nodes where standings[node.name]?.isPending == true {
            switch decide(node) {
            case .run where isFree(node):
                standings[node.name] = .running
                return .run(node.name)
            case .skip(let cause, let forGood):
                standings[node.name] = .failed(cause: cause, forGood: forGood)
                return .skip(node.name, because: cause)
            case .hold: standings[node.name] = .held
            case .run, .wait: break
            }
        }
        return isRunning ? .wait : .done
    }

    // MARK: What happened

    /// The step in hand succeeded.
    mutating func succeed(_ step: String) { standings[step] = .success }

    /// The step in hand failed; `forGood` unless another attempt is to mend it.
    mutating func fail(_ step: String, forGood: Bool) {
        standings[step] = .failed(cause: step, forGood: forGood || isLast)
    }

    /// The step in hand was ended before its time, and is not taken up again in this attempt.
    mutating func leave(_ step: String) { standings[step] = .left }

    /// There is no other attempt: all failures are for good.
    mutating func giveUp() {
        isLast = true
        for (name, standing) in standings {
            switch standing {
            case .failed(let cause, _): standings[name] = .failed(cause: cause, forGood: true)
            case .held: standings[name] = .pending
            case .pending, .running, .success, .left: break
            }
        }
    }

    /// The attempt's time is over, and there is no other: what has not ended is left, but for steps that are to run
    /// `always`.
    mutating func close() {
        giveUp()
        for node in nodes where standings[node.name] == .running || standings[node.name]?.isPending == true {
            if standings[node.name] == .running || node.when != .always { standings[node.name] = .left }
        }
    }

    // MARK: Decisions

    private enum Decision {
        case run, wait, hold
        case skip(because: String, forGood: Bool)
    }

    private func decide(_ node: Node) -> Decision {
        let before = node.dependsOn.compactMap { standings[$0] }
        guard !before.contains(where: { $0.isPending || $0 == .running }) else { return .wait }
        let failures = before.compactMap { standing -> (cause: String, forGood: Bool)? in
            if case .failed(let cause, let forGood) = standing { (cause, forGood) } else { nil }
        }
        if node.when == .allSuccess, let first = failures.first(where: \.forGood) ?? failures.first {
            // One failure that stays is enough for it to be skipped in every attempt.
            return .skip(because: first.cause, forGood: first.forGood)
        }
        let isOpen = before.contains(.held) || failures.contains { !$0.forGood }
        return isOpen ? .hold : .run
    }

    /// Whether a step may run beside those in hand, and need not come after one that waits.
    private func isFree(_ node: Node) -> Bool {
        for other in nodes where other.name != node.name && standings[other.name] == .running {
            if !other.writes.isDisjoint(with: node.writes) || !other.writes.isDisjoint(with: node.reads)
                || !other.reads.isDisjoint(with: node.writes)
            {
                return false
            }
        }
        let earlier = nodes.prefix { $0.name != node.name }
        return earlier.allSatisfy { standings[$0.name]?.isPending != true || $0.writes.isDisjoint(with: node.reads) }
    }
}
