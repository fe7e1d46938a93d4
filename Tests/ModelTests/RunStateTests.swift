import Model
import Testing

struct RunStateTests {
    @Test func runsChangeOnlyAsTheTableSays() {
        let allowed: Set<[RunState]> = [
            [.queued, .running], [.queued, .cancelled], [.queued, .failed], [.running, .queued], [.running, .success],
            [.running, .failed], [.running, .cancelled],
        ]
        for from in RunState.allCases {
            for to in RunState.allCases {
                #expect(from.mayBecome(to) == allowed.contains([from, to]), "\(from) to \(to)")
            }
        }
    }

    @Test func stepRunsChangeOnlyAsTheTableSays() {
        let allowed: Set<[StepRunState]> = [
            [.pending, .running], [.pending, .skipped], [.pending, .cancelled], [.pending, .success],
            [.running, .pending], [.running, .success], [.running, .failed], [.running, .cancelled],
        ]
        for from in StepRunState.allCases {
            for to in StepRunState.allCases {
                #expect(from.mayBecome(to) == allowed.contains([from, to]), "\(from) to \(to)")
            }
        }
    }

    @Test func noStateLeavesAFinalOne() {
        for state in RunState.allCases where state.isFinal {
            #expect(!RunState.allCases.contains { state.mayBecome($0) })
        }
        for state in StepRunState.allCases where state.isFinal {
            #expect(!StepRunState.allCases.contains { state.mayBecome($0) })
        }
    }

    @Test func everyStateIsReachedFromTheFirst() {
        var reached: Set<RunState> = [.queued]
        for _ in RunState.allCases {
            for state in reached { reached.formUnion(RunState.allCases.filter { state.mayBecome($0) }) }
        }
        #expect(reached == Set(RunState.allCases))
    }
}
