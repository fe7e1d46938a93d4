import Model
import Platform
import Testing

@testable import Engine

struct AttemptRecordTests {
    private let time = Timestamp(microseconds: 1_000_000)

    @Test func tellsItsNewsOnce() {
        var record = AttemptRecord(beginning: run(["a", "b"]), at: time)
        record.begin("a", at: time)
        let news = record.takeNews()
        #expect(news.run.state == .running)
        #expect(news.steps.map(\.name) == ["a"])
        #expect(news.events.map(\.kind) == [.runStarted])
        let again = record.takeNews()
        #expect(again.steps.isEmpty && again.events.isEmpty && again.watermarks.isEmpty)
    }

    @Test func theNextAttemptHasTheNextNumberAndItsStepsStartAnew() {
        var record = AttemptRecord(beginning: run(["a", "b", "c"]), at: time)
        record.begin("a", at: time)
        record.succeed("a", LoadResult(), watermark: nil, at: time)
        record.begin("b", at: time)
        record.fail("b", Failure(.locked, "locked", isTransient: true), at: time)
        record.skip("c", Failure(.dependencyFailed, "b"))
        record.end(.again(Failure(.locked, "locked"), wait: .seconds(3)), at: time)
        let news = record.takeNews()
        #expect(news.run.state == .queued)
        #expect(news.attempt == 1)
        #expect(news.run.attempt == 2)
        #expect(news.run.retryAt == time.adding(.seconds(3)))
        #expect(news.run.steps.map(\.state) == [.success, .pending, .pending])
        #expect(news.run.steps.last?.error == nil)
    }

    @Test func theFirstStartOfARunIsKept() {
        var run = run(["a"])
        run.startedAt = Timestamp(microseconds: 5)
        #expect(AttemptRecord(beginning: run, at: time).run.startedAt == Timestamp(microseconds: 5))
    }

    @Test func aRunEndsAfterItsStepsThoughTheClockGoesBack() {
        var record = AttemptRecord(beginning: run(["a"]), at: time)
        record.begin("a", at: time)
        record.succeed("a", LoadResult(), watermark: nil, at: time.adding(.seconds(9)))
        record.end(.success, at: time.adding(.seconds(-5)))
        #expect(record.run.finishedAt == time.adding(.seconds(9)))
    }

    @Test func aCancelledRunKeepsWhatItHasDone() {
        var record = AttemptRecord(beginning: run(["a", "b", "c"]), at: time)
        record.begin("a", at: time)
        record.succeed("a", LoadResult(), watermark: nil, at: time)
        record.begin("b", at: time)
        record.end(.cancelled, at: time)
        #expect(record.run.steps.map(\.state) == [.success, .cancelled, .cancelled])
        #expect(record.run.error?.code == .cancelled)
        #expect(record.run.finishedAt == time)
    }

    @Test func aWatermarkThatStoodStillIsMirroredWithoutAnEvent() {
        let watermark = Watermark(
            pipeline: "p", step: "a", cursor: "at", value: .integer(7), updatedAt: time, version: 3)
        for (before, kinds) in [
            (CursorValue.integer(7), [RunEvent.Kind.stepFinished]), (.integer(6), [.stepFinished, .watermarkMoved]),
        ] {
            var record = AttemptRecord(beginning: run(["a"]), at: time)
            _ = record.takeNews()
            let result = LoadResult(watermarkBefore: before, watermarkAfter: .integer(7))
            record.succeed("a", result, watermark: watermark, at: time)
            let news = record.takeNews()
            #expect(news.watermarks == [watermark])
            #expect(news.events.map(\.kind) == kinds)
        }
    }

    @Test func everyWayToEndAllowsEveryStateOfTheTransitionTable() {
        let failure = Failure(.locked, "locked")
        for (verdict, state) in [
            (AttemptVerdict.success, RunState.success), (.failed(failure), .failed), (.cancelled, .cancelled),
            (.released, .queued), (.again(failure, wait: .zero), .queued),
        ] {
            var record = AttemptRecord(beginning: run(["a", "b"]), at: time)
            record.begin("a", at: time)
            record.end(verdict, at: time)
            #expect(RunState.running.mayBecome(record.run.state))
            #expect(record.run.state == state)
            #expect((record.run.finishedAt != nil) == state.isFinal)
            guard state.isFinal, state != .success else { continue }
            #expect(record.run.steps.allSatisfy { $0.state.isFinal })
        }
    }

    private func run(_ steps: [String]) -> Run {
        Run(
            id: "1", pipeline: "p", state: .queued, trigger: .api, attempt: 1, options: RunOptions(), createdAt: time,
            steps: steps.map { StepRun(name: $0, strategy: .timestamp) })
    }
}
