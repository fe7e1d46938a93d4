import Testing

@testable import Engine

struct StepSequenceTests {
    @Test func runsEveryStepInTheGivenOrder() {
        var sequence = StepSequence([("a", []), ("b", ["a"]), ("c", [])])
        #expect([sequence.next(), sequence.next(), sequence.next()] == [.run("a"), .run("b"), .run("c")])
        #expect(sequence.next() == .done)
        #expect(sequence.next() == .done)
    }

    @Test func skipsWhatDependsOnAFailureAndNamesItsCause() {
        var sequence = StepSequence([("a", []), ("b", ["a"]), ("c", ["b"]), ("d", [])])
        #expect(sequence.next() == .run("a"))
        sequence.recordFailure(of: "a")
        #expect(sequence.next() == .skip("b", because: "a"))
        #expect(sequence.next() == .skip("c", because: "a"))
        #expect(sequence.next() == .run("d"))
        #expect(sequence.next() == .done)
    }

    @Test func aStepWithSeveralDependenciesIsSkippedWhenOneFailed() {
        var sequence = StepSequence([("a", []), ("b", []), ("c", ["a", "b"])])
        _ = sequence.next()
        _ = sequence.next()
        sequence.recordFailure(of: "b")
        #expect(sequence.next() == .skip("c", because: "b"))
    }

    @Test func aDependencyOutsideTheRunCountsAsMet() {
        var sequence = StepSequence([("b", ["a"])])
        #expect(sequence.next() == .run("b"))
    }
}
