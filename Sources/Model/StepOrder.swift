/// The order in which steps run: each after all it depends on, otherwise as the document lists them.
public enum StepOrder {
    /// What ordering found.
    public enum Outcome: Sendable, Equatable {
        /// The places of the steps in the given list, in the order they run.
        case ordered([Int])
        /// The names along a cycle, the first repeated at the end.
        case cycle([String])
    }

    /// Orders steps given as names with the names they depend on; names that are not in the list count as met.
    public static func order(_ steps: [(name: String, dependsOn: [String])]) -> Outcome {
        let names = Set(steps.map(\.name))
        var done: Set<String> = []
        var waiting = Array(steps.indices)
        var order: [Int] = []
        while !waiting.isEmpty {
            let ready = waiting.first { place in
                steps[place].dependsOn.allSatisfy { done.contains($0) || !names.contains($0) }
            }
            guard let ready else { return .cycle(cycle(steps, among: waiting)) }
            waiting.removeAll { $0 == ready }
            done.insert(steps[ready].name)
            order.append(ready)
        }
        return .ordered(order)
    }

    /// Walks from any waiting step to one that it waits for until a name comes again: every waiting one has such.
    private static func cycle(_ steps: [(name: String, dependsOn: [String])], among waiting: [Int]) -> [String] {
        var path: [String] = []
        var place = waiting.first
        while let here = place {
            let name = steps[here].name
            if let start = path.firstIndex(of: name) { return Array(path[start...]) + [name] }
            path.append(name)
            place = waiting.first { steps[here].dependsOn.contains(steps[$0].name) }
        }
        return path
    }
}

extension Pipeline {
    /// The steps in the order they run.
    public var stepsInOrder: [Step] {
        switch StepOrder.order(steps.map { ($0.name, $0.dependsOn) }) {
        case .ordered(let places): places.map { steps[$0] }
        // A decoded pipeline has no cycle.
        case .cycle: steps
        }
    }
}
