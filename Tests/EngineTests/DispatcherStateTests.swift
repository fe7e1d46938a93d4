import Model
import Testing

@testable import Engine

struct DispatcherStateTests {
    @Test func startsInTheOrderOfIdentifiersWhateverTheOrderOfArrival() {
        var state = DispatcherState(workers: 4)
        for id in ["3", "1", "2"] { state.enqueue(run(id, "p\(id)")) }
        #expect(state.start(at: .zero).map(\.id) == ["1", "2", "3"])
    }

    @Test func startsNoMoreThanItHasWorkers() {
        var state = DispatcherState(workers: 2)
        for id in 1...5 { state.enqueue(run("\(id)", "p\(id)")) }
        #expect(state.start(at: .zero).map(\.id) == ["1", "2"])
        #expect(state.start(at: .zero).isEmpty)
        state.finish("2")
        #expect(state.start(at: .zero).map(\.id) == ["3"])
    }

    @Test func runsOneRunOfAPipelineAtATime() {
        var state = DispatcherState(workers: 4)
        for id in ["1", "2", "3"] { state.enqueue(run(id, "orders")) }
        #expect(state.start(at: .zero).map(\.id) == ["1"])
        state.finish("1")
        #expect(state.start(at: .zero).map(\.id) == ["2"])
        state.finish("2")
        #expect(state.start(at: .zero).map(\.id) == ["3"])
    }

    @Test func neverRunsTwoJobsWithACommonFile() {
        var state = DispatcherState(workers: 4)
        state.enqueue(run("1", "a", ["x"]))
        state.enqueue(run("2", "b", ["x", "y"]))
        state.enqueue(run("3", "c", ["z"]))
        #expect(state.start(at: .zero).map(\.id) == ["1", "3"])
        state.finish("3")
        #expect(state.start(at: .zero).isEmpty)
        state.finish("1")
        #expect(state.start(at: .zero).map(\.id) == ["2"])
    }

    @Test func waitingForAFileHoldsNoWorker() {
        var state = DispatcherState(workers: 2)
        state.enqueue(run("1", "a", ["x"]))
        state.enqueue(run("2", "b", ["x"]))
        state.enqueue(run("3", "c", ["y"]))
        #expect(state.start(at: .zero).map(\.id) == ["1", "3"])
    }

    @Test func aYoungerJobNeverTakesAFileThatAnOlderOneWaitsFor() {
        var state = DispatcherState(workers: 4)
        state.enqueue(run("1", "a", ["x"]))
        state.enqueue(run("2", "b", ["x", "y"]))
        state.enqueue(run("3", "c", ["y"]))
        #expect(state.start(at: .zero).map(\.id) == ["1"])
        state.finish("1")
        #expect(state.start(at: .zero).map(\.id) == ["2"])
    }

    @Test func aRunThatWaitsForItsNextAttemptKeepsItsPipeline() {
        var state = DispatcherState(workers: 1)
        state.enqueue(run("5", "orders"))
        #expect(state.start(at: .zero).map(\.id) == ["5"])
        state.enqueue(run("1", "orders"))
        state.release("5", notBefore: .seconds(10))
        #expect(state.start(at: .seconds(9)).isEmpty)
        #expect(state.start(at: .seconds(10)).map(\.id) == ["5"])
        state.finish("5")
        #expect(state.start(at: .seconds(10)).map(\.id) == ["1"])
    }

    @Test func aRunThatWaitsForItsNextAttemptHoldsNeitherWorkerNorFile() {
        var state = DispatcherState(workers: 1)
        state.enqueue(run("1", "a", ["x"]))
        _ = state.start(at: .zero)
        state.enqueue(run("2", "b", ["x"]))
        state.release("1", notBefore: .seconds(10))
        #expect(state.start(at: .zero).map(\.id) == ["2"])
    }

    @Test func aRestoredActiveRunGoesBeforeTheOthersOfItsPipeline() {
        var state = DispatcherState(workers: 4)
        state.enqueue(run("1", "orders"))
        state.enqueue(run("2", "orders"), wasActive: true)
        #expect(state.start(at: .zero).map(\.id) == ["2"])
    }

    @Test func aRemovedJobNeverStartsAndFreesItsPipeline() {
        var state = DispatcherState(workers: 1)
        state.enqueue(run("1", "orders"))
        state.enqueue(run("2", "orders"))
        _ = state.start(at: .zero)
        state.release("1", notBefore: .seconds(60))
        #expect(state.remove("1")?.id == "1")
        #expect(state.start(at: .zero).map(\.id) == ["2"])
        #expect(state.remove("2") == nil)
        #expect(state.remove("1") == nil)
    }

    @Test func aJobIsNeverInTwoPlaces() {
        var state = DispatcherState(workers: 2)
        state.enqueue(run("1", "orders"))
        state.enqueue(run("1", "orders"))
        #expect(state.waiting == 1)
        _ = state.start(at: .zero)
        state.enqueue(run("1", "orders"))
        #expect(state.waiting == 0)
    }

    @Test func aJobLaidAsideWaitsForTheFilesItTurnedOutToNeed() {
        var state = DispatcherState(workers: 2)
        state.enqueue(run("1", "a", ["x"]))
        state.enqueue(run("2", "b", ["y"]))
        _ = state.start(at: .zero)
        state.release("2", notBefore: nil, files: ["x"])
        #expect(state.start(at: .zero).isEmpty)
        state.finish("1")
        #expect(state.start(at: .zero).map(\.id) == ["2"])
    }

    @Test func anEditNeedsNoWorkerButItsFile() {
        var state = DispatcherState(workers: 1)
        state.enqueue(run("1", "a", ["x"]))
        _ = state.start(at: .zero)
        state.enqueue(run("2", "b", ["y"]))
        state.enqueue(Job(id: "3", kind: .edit, files: ["x"]))
        state.enqueue(Job(id: "4", kind: .edit, files: ["y"]))
        #expect(state.start(at: .zero).map(\.id) == ["4"])
        #expect(state.writer(of: ["x"]) == "1")
        state.finish("4")
        state.finish("1")
        #expect(state.start(at: .zero).map(\.id) == ["2", "3"])
    }

    // Live loads go first, however late they come; PAINS 36: backfills have lanes of their own.
    @Test func aPartitionTakesNoWorkerAndNoFileThatARunWaitsFor() {
        var state = DispatcherState(workers: 1, backfillLanes: 1)
        for (id, file) in [("1", "x"), ("2", "x"), ("3", "y")] { state.enqueue(partition(id, [file])) }
        #expect(state.start(at: .zero).map(\.id) == ["1"])
        state.enqueue(run("4", "a", ["x"]))
        state.enqueue(run("5", "b", ["y"]))
        #expect(state.start(at: .zero).map(\.id) == ["5"])
        // The older partition waits behind the younger run for the same file, and the lane is not kept for it.
        state.finish("1")
        #expect(state.start(at: .zero).isEmpty)
        state.finish("5")
        #expect(state.start(at: .zero).map(\.id) == ["4", "3"])
        state.finish("3")
        state.finish("4")
        #expect(state.start(at: .zero).map(\.id) == ["2"])
    }

    @Test func aPartitionWaitsForAnEditToo() {
        var state = DispatcherState(workers: 1)
        state.enqueue(Job(id: "1", kind: .edit, files: ["x"]))
        state.enqueue(Job(id: "2", kind: .edit, files: ["y"]))
        for (id, file) in [("3", "y"), ("4", "z")] { state.enqueue(partition(id, [file])) }
        #expect(state.start(at: .zero).map(\.id) == ["1", "4"])
    }

    @Test func aRunThatWaitsForItsTimeLeavesItsFileToPartitions() {
        var state = DispatcherState(workers: 1)
        var run = run("1", "a", ["x"])
        run.notBefore = .seconds(10)
        state.enqueue(run)
        state.enqueue(partition("2", ["x"]))
        #expect(state.start(at: .zero).map(\.id) == ["2"])
        state.finish("2")
        state.enqueue(partition("3", ["x"]))
        #expect(state.start(at: .seconds(10)).map(\.id) == ["1"])
    }

    private func partition(_ id: String, _ files: Set<String>) -> Job {
        Job(id: id, kind: .partition(backfill: "b"), files: files)
    }

    @Test func aPipelineWithManyRunsDelaysNoOthersFirst() {
        var state = DispatcherState(workers: 1)
        for id in 1...9 { state.enqueue(run("\(id)", "busy")) }
        #expect(state.start(at: .zero).map(\.id) == ["1"])
        for (id, pipeline) in [("a", "orders"), ("b", "customers")] {
            state.enqueue(run(id, pipeline), at: .seconds(1))
        }
        var started: [String] = []
        for (second, id) in ["1", "2", "a", "b"].enumerated() {
            state.finish(id)
            started += state.start(at: .seconds(10 + second)).map(\.id)
        }
        // The second run of the busy pipeline counts as having come when the first one started.
        #expect(started == ["2", "a", "b", "3"])
    }

    @Test func aHighPriorityGoesFirstAndNobodyWaitsForEver() {
        var state = DispatcherState(workers: 1)
        state.enqueue(run("first", "a"))
        #expect(state.start(at: .zero).map(\.id) == ["first"])
        state.enqueue(run("low", "low", [], .low), at: .seconds(1))
        var (now, current, overtaken) = (1, "first", 0)
        while current != "low" {
            now += 60
            state.enqueue(run("high-\(now)", "p\(now)", [], .high), at: .seconds(now))
            state.finish(current)
            let started = state.start(at: .seconds(now)).map(\.id)
            guard started.count == 1, overtaken < 1_000 else { break }
            current = started[0]
            overtaken += 1
        }
        #expect(current == "low")
        #expect(overtaken == 21, "those that came within twice the head start of ten minutes, one a minute")
    }

    @Test func aLimitedPoolIsNeverOverfullAndAJobThatLacksAPlaceHoldsNothing() {
        var state = DispatcherState(workers: 4)
        state.limit(.named("heavy"), to: 1)
        state.enqueue(run("1", "a", pools: [.named("heavy")]))
        state.enqueue(run("2", "b", ["x"], pools: [.named("heavy")]))
        state.enqueue(run("3", "c", ["x"]))
        state.enqueue(run("4", "d", pools: [.named("heavy")]))
        #expect(state.start(at: .zero).map(\.id) == ["1", "3"])
        #expect(state.wait(of: "2", at: .zero) == .pool(.named("heavy"), jobs: ["1"]))
        state.finish("1")
        // Its file is in use now: it keeps the place from the younger one.
        #expect(state.start(at: .zero).isEmpty)
        #expect(state.wait(of: "2", at: .zero) == .file(job: "3"))
        state.finish("3")
        #expect(state.start(at: .zero).map(\.id) == ["2"])
        state.limit(.named("heavy"), to: 2)
        #expect(state.start(at: .zero).map(\.id) == ["4"])
    }

    /// PAINS 58.
    @Test func aRetryKeepsItsPipelineAndItsTurnSoThatNothingWaitsForEachOther() {
        var state = DispatcherState(workers: 1)
        state.limit(.named("heavy"), to: 1)
        state.enqueue(run("1", "orders", pools: [.named("heavy")]))
        #expect(state.start(at: .zero).map(\.id) == ["1"])
        state.enqueue(run("2", "orders", pools: [.named("heavy")]), at: .seconds(1))
        state.enqueue(run("3", "customers", pools: [.named("heavy")]), at: .seconds(2))
        state.release("1", notBefore: .seconds(10))
        // While it waits its place is others'; when its time has come it goes before them.
        #expect(state.start(at: .seconds(3)).map(\.id) == ["3"])
        state.enqueue(run("4", "payments", pools: [.named("heavy")]), at: .seconds(4))
        state.finish("3")
        #expect(state.start(at: .seconds(10)).map(\.id) == ["1"])
        #expect(state.wait(of: "2", at: .seconds(10)) == .pipeline(run: "1"))
        state.finish("1")
        #expect(state.start(at: .seconds(11)).map(\.id) == ["4"])
        state.finish("4")
        #expect(state.start(at: .seconds(12)).map(\.id) == ["2"])
    }

    private func run(
        _ id: String, _ pipeline: String, _ files: Set<String> = [], _ priority: RunPriority = .normal,
        pools: Set<SlotPool> = []
    ) -> Job {
        var job = Job(id: id, kind: .run(pipeline: pipeline), files: files)
        job.priority = priority
        job.pools = pools
        return job
    }
}
