import Glibc
import Platform
import Testing

@testable import Engine

struct DispatcherTests {
    private let clock = ManualClock(Timestamp(microseconds: 0))

    @Test func startsNothingBeforeItIsOpened() {
        let world = world(workers: 1)
        let ran = Signal<String>()
        world.dispatcher.enqueue(run("2", "b")) { job, _ in ran.say(job.id) }
        world.dispatcher.enqueue(run("1", "a")) { job, _ in ran.say(job.id) }
        #expect(world.dispatcher.load.waiting == 2)
        world.dispatcher.open()
        #expect(ran.wait(2) == ["1", "2"])
        world.stop()
    }

    @Test func waitingForAFileHoldsNoWorkerOnRealThreads() {
        let world = world(workers: 2)
        let gate = Signal<Bool>()
        let ran = Signal<String>()
        world.dispatcher.open()
        world.dispatcher.enqueue(run("1", "a", ["x"])) { job, _ in
            _ = gate.wait()
            return ran.say(job.id)
        }
        world.dispatcher.enqueue(run("2", "b", ["x"])) { job, _ in ran.say(job.id) }
        world.dispatcher.enqueue(run("3", "c", ["y"])) { job, _ in ran.say(job.id) }
        // The third one could not end if the second held the other worker.
        #expect(ran.wait(1) == ["3"])
        gate.open()
        #expect(ran.wait(3) == ["3", "1", "2"])
        world.stop()
    }

    @Test func aJobLaidAsideStartsAgainWhenItsTimeHasCome() {
        let world = world(workers: 1)
        let ran = Signal<Duration>()
        world.dispatcher.open()
        world.dispatcher.enqueue(run("1", "a")) { _, _ in
            ran.send(clock.uptime())
            return ran.values.count == 1 ? .later(notBefore: .seconds(30), files: nil) : .finished
        }
        #expect(ran.wait(1) == [.zero])
        // The only worker is free meanwhile.
        let other = Signal<String>()
        world.dispatcher.enqueue(run("2", "b")) { job, _ in other.say(job.id) }
        #expect(other.wait() == "2")
        clock.advance(by: .seconds(30))
        world.alarms.lookAgain()
        #expect(ran.wait(2) == [.zero, .seconds(30)])
        world.stop()
    }

    @Test func aWaitingJobThatIsCancelledNeverRuns() {
        let world = world(workers: 1)
        let ran = Signal<String>()
        world.dispatcher.enqueue(run("1", "a")) { job, _ in ran.say(job.id) }
        world.dispatcher.enqueue(run("2", "b")) { job, _ in ran.say(job.id) }
        #expect(world.dispatcher.cancel("1") == .removed(run("1", "a")))
        #expect(world.dispatcher.cancel("1") == .unknown)
        world.dispatcher.open()
        #expect(ran.wait() == "2")
        world.stop()
        #expect(ran.values == ["2"])
    }

    @Test func cancellingTellsAJobInHandToEnd() {
        let world = world(workers: 1)
        let begun = Signal<Bool>()
        let ended = Signal<StopToken.Reason>()
        world.dispatcher.enqueue(run("1", "a")) { _, stop in
            begun.open()
            ended.sendReason(of: stop)
            return .finished
        }
        #expect(world.dispatcher.cancel("2") == .unknown)
        world.dispatcher.open()
        _ = begun.wait()
        #expect(world.dispatcher.cancel("1") == .interrupted)
        #expect(ended.wait() == .cancelled)
        world.stop()
        #expect(world.dispatcher.cancel("1") == .unknown)
    }

    @Test func aJobCancelledWhileItIsLaidAsideStartsAtOnceToEnd() {
        let world = world(workers: 1)
        let begun = Signal<Bool>()
        let gate = Signal<Bool>()
        let reasons = Signal<StopToken.Reason?>()
        world.dispatcher.open()
        world.dispatcher.enqueue(run("1", "a")) { _, stop in
            reasons.send(stop.reason)
            guard stop.reason == nil else { return .finished }
            begun.open()
            _ = gate.wait()
            // It has made up its mind to wait, and the cancellation comes after that.
            return .later(notBefore: .seconds(3_600), files: nil)
        }
        _ = begun.wait()
        #expect(world.dispatcher.cancel("1") == .interrupted)
        gate.open()
        #expect(reasons.wait(2) == [nil, .cancelled])
        world.stop()
    }

    @Test(arguments: [false, true])
    func aJobThatIsRecalledWaitsForNothingMore(cancelling: Bool) {
        let world = world(workers: 2)
        let (begun, gate, first) = (Signal<Bool>(), Signal<Bool>(), Signal<Bool>())
        let ran = Signal<String>()
        world.dispatcher.open()
        world.dispatcher.enqueue(run("1", "a", ["x"])) { _, _ in
            begun.open()
            _ = gate.wait()
            return .finished
        }
        _ = begun.wait()
        // One that waits for the file, and one that is in hand when it is recalled.
        world.dispatcher.enqueue(run("2", "b", ["x"])) { job, stop in
            ran.say("\(job.id) \(job.files.count) \(stop.reason == .cancelled)")
        }
        world.dispatcher.recall("2", cancelling: cancelling)
        #expect(ran.wait() == "2 0 \(cancelling)")
        world.dispatcher.enqueue(run("3", "c")) { job, stop in
            _ = ran.say("\(job.id) \(job.files.count) \(stop.reason == .cancelled)")
            guard ran.values.count == 2 else { return .finished }
            first.open()
            _ = begun.wait(2)
            return .later(notBefore: .seconds(3_600), files: ["x"])
        }
        _ = first.wait()
        world.dispatcher.recall("3", cancelling: cancelling)
        world.dispatcher.recall("4", cancelling: cancelling)
        begun.open()
        #expect(ran.wait(3) == ["2 0 \(cancelling)", "3 0 false", "3 0 \(cancelling)"])
        gate.open()
        world.stop()
    }

    @Test func admitsNoMoreThanTheQueueHolds() {
        let world = world(workers: 1, queuedJobs: 2)
        #expect(world.dispatcher.admit() == .admitted)
        #expect(world.dispatcher.admit() == .admitted)
        #expect(world.dispatcher.admit() == .full)
        world.dispatcher.forgo()
        world.dispatcher.enqueue(run("1", "a"), admitted: true) { _, _ in .finished }
        #expect(world.dispatcher.admit() == .admitted)
        #expect(world.dispatcher.admit() == .full)
        world.stop()
        #expect(world.dispatcher.admit() == .stopping)
    }

    @Test func stoppingLetsTheJobInHandFinishAndStartsNoOther() {
        let world = world(workers: 1)
        let begun = Signal<Bool>()
        let gate = Signal<Bool>()
        let ran = Signal<String>()
        world.dispatcher.open()
        world.dispatcher.enqueue(run("1", "a")) { job, stop in
            begun.open()
            _ = gate.wait()
            return ran.say(stop.reason == nil ? job.id : "interrupted")
        }
        world.dispatcher.enqueue(run("2", "b")) { job, _ in ran.say(job.id) }
        _ = begun.wait()
        let stopped = Signal<Bool>()
        Thread.start(name: "stopper") { stopped.send(world.dispatcher.stop(within: .seconds(10))) }
        while world.dispatcher.admit() != .stopping { sched_yield() }
        gate.open()
        #expect(stopped.wait() == true)
        #expect(ran.values == ["1"])
        world.alarms.stop()
    }

    @Test func stoppingInterruptsWhatDoesNotFinishInTime() {
        let world = world(workers: 2)
        let begun = Signal<Bool>()
        let ended = Signal<StopToken.Reason>()
        world.dispatcher.open()
        for id in ["1", "2"] {
            world.dispatcher.enqueue(run(id, id)) { _, stop in
                begun.open()
                ended.sendReason(of: stop)
                return .later(notBefore: nil, files: nil)
            }
        }
        _ = begun.wait(2)
        #expect(world.dispatcher.stop(within: .zero))
        #expect(ended.values == [.shutdown, .shutdown])
        #expect(world.dispatcher.load == (2, 0))
        world.alarms.stop()
    }

    /// Many triggers at once from several threads: each job runs once, and no two of a pipeline or file together.
    @Test func eachJobRunsOnceAndAlone() {
        let world = world(workers: 4)
        let ran = Signal<Int>()
        let together = Monitor<[String: Int]>([:])
        let clashes = Signal<String>()
        world.dispatcher.open()
        for thread in 0..<4 {
            Thread.start(name: "trigger-\(thread)") {
                for index in 0..<250 {
                    let number = thread * 250 + index
                    let names: Set = ["file \(number % 5)", "file \(number % 7)"]
                    world.dispatcher.enqueue(run("\(number)", "p\(number % 11)", names)) { job, _ in
                        let mine = names.union(["\(job.line)"])
                        together.update { counts in for name in mine { counts[name, default: 0] += 1 } }
                        for name in mine where together.read({ $0[name] != 1 }) { clashes.send(name) }
                        together.update { counts in for name in mine { counts[name, default: 0] -= 1 } }
                        ran.send(number)
                        return .finished
                    }
                }
            }
        }
        #expect(ran.wait(1_000).sorted() == Array(0..<1_000))
        #expect(clashes.values.isEmpty)
        world.stop()
    }

    private struct World {
        let dispatcher: Dispatcher
        let alarms: AlarmClock

        func stop() {
            #expect(dispatcher.stop(within: .seconds(10)))
            alarms.stop()
        }
    }

    private func world(workers: Int, queuedJobs: Int = 1_000) -> World {
        let alarms = AlarmClock(clock: clock)
        let configuration = EngineConfiguration(workers: workers, queuedJobs: queuedJobs)
        return World(
            dispatcher: Dispatcher(configuration: configuration, clock: clock, alarms: alarms), alarms: alarms)
    }

    private func run(_ id: String, _ pipeline: String, _ files: Set<String> = []) -> Job {
        Job(id: id, kind: .run(pipeline: pipeline), files: files)
    }
}

extension Signal where Value == String {
    fileprivate func say(_ text: String) -> Dispatcher.Outcome {
        send(text)
        return .finished
    }
}

extension Signal where Value == StopToken.Reason {
    /// Waits until a token is raised and sends its reason.
    fileprivate func sendReason(of stop: StopToken) {
        let raised = Signal<Bool>()
        _ = stop.addHandler { raised.open() }
        _ = raised.wait()
        if let reason = stop.reason { send(reason) }
    }
}
