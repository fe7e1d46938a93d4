import Model
import Testing

struct StepOrderTests {
    @Test func keepsTheDocumentsOrderWhereNothingDepends() {
        #expect(StepOrder.order([("b", []), ("a", []), ("c", [])]) == .ordered([0, 1, 2]))
    }

    @Test func putsEachStepAfterAllItDependsOn() {
        #expect(StepOrder.order([("a", ["c"]), ("b", []), ("c", ["b"])]) == .ordered([1, 2, 0]))
    }

    @Test func countsNamesOutsideTheListAsMet() {
        #expect(StepOrder.order([("a", ["elsewhere"])]) == .ordered([0]))
    }

    @Test func namesTheCycleAndOnlyTheCycle() {
        let outcome = StepOrder.order([("start", []), ("tail", ["a"]), ("a", ["b"]), ("b", ["c"]), ("c", ["a"])])
        #expect(outcome == .cycle(["a", "b", "c", "a"]))
    }

    @Test func aStepThatNeedsItselfIsACycle() {
        #expect(StepOrder.order([("a", ["a"])]) == .cycle(["a", "a"]))
    }

    @Test func ordersEveryRandomGraphWithoutCycles() {
        let seed: UInt64 = 7
        var generator = SeededGenerator(seed: seed)
        for round in 0..<200 {
            // Names depend only on names of a lower rank; the list itself is shuffled.
            let count = Int.random(in: 1...12, using: &generator)
            let steps = (0..<count).map { rank in
                (
                    name: "s\(rank)",
                    dependsOn: (0..<rank).filter { _ in Bool.random(using: &generator) }.map { "s\($0)" }
                )
            }.shuffled(using: &generator)
            guard case .ordered(let order) = StepOrder.order(steps) else {
                Issue.record("a cycle was found in round \(round) of seed \(seed)")
                continue
            }
            #expect(order.sorted() == Array(steps.indices))
            var done: Set<String> = []
            for place in order {
                #expect(done.isSuperset(of: steps[place].dependsOn), "round \(round) of seed \(seed)")
                done.insert(steps[place].name)
            }
        }
    }
}
