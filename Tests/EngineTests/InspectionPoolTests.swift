import Model
import Platform
import Testing

@testable import Engine

struct InspectionPoolTests {
    private let clock = ManualClock(Timestamp(microseconds: 0))

    @Test func handsOverWhatTheWorkGave() {
        let (pool, alarms) = pool()
        let results = Signal<Result<Int, Failure>>()
        pool.submit({ _ in 7 }, completion: { results.send($0) })
        #expect(results.wait() == .success(7))
        let failure = Failure(.locked, "warehouse.db is locked")
        pool.submit({ _ throws(Failure) -> Int in throw failure }, completion: { results.send($0) })
        #expect(results.wait(2).last == .failure(failure))
        pool.stop()
        alarms.stop()
    }

    @Test func endsWorkThatTakesTooLong() {
        let (pool, alarms) = pool()
        let begun = Signal<Bool>()
        let results = Signal<Result<StopToken.Reason?, Failure>>()
        pool.submit({ stop in reason(stop, begun) }, completion: { results.send($0) })
        _ = begun.wait()
        clock.advance(by: Limits.inspectionTime)
        alarms.lookAgain()
        #expect(results.wait() == .success(.timedOut))
        pool.stop()
        alarms.stop()
    }

    @Test func stoppingInterruptsWhatRunsAndRefusesWhatWaits() {
        let (pool, alarms) = pool()
        let begun = Signal<Bool>()
        let results = Signal<Result<StopToken.Reason?, Failure>>()
        for _ in 0..<Limits.inspectors { pool.submit({ reason($0, begun) }, completion: { results.send($0) }) }
        _ = begun.wait(Limits.inspectors)
        pool.submit({ reason($0, begun) }, completion: { results.send($0) })
        pool.stop()
        pool.submit({ reason($0, begun) }, completion: { results.send($0) })
        let values = results.values
        #expect(values.filter { $0 == .success(.shutdown) }.count == Limits.inspectors)
        #expect(values.filter { $0 == .failure(.serverStops) }.count == 2)
        alarms.stop()
    }

    @Test func refusesMoreThanMayWait() {
        let (pool, alarms) = pool()
        let begun = Signal<Bool>()
        let results = Signal<Result<StopToken.Reason?, Failure>>()
        for _ in 0..<Limits.inspectors { pool.submit({ reason($0, begun) }, completion: { results.send($0) }) }
        _ = begun.wait(Limits.inspectors)
        for _ in 0..<Limits.inspectors * Limits.waitingInspections + 1 {
            pool.submit({ reason($0, begun) }, completion: { results.send($0) })
        }
        guard case .failure(let failure) = results.wait() else { return #expect(Bool(false)) }
        #expect(failure.code == .queueFull)
        pool.stop()
        alarms.stop()
    }

    private func pool() -> (InspectionPool, AlarmClock) {
        let alarms = AlarmClock(clock: clock)
        return (InspectionPool(clock: clock, alarms: alarms), alarms)
    }
}

/// Waits until the token is raised; answers why it was.
private func reason(_ stop: StopToken, _ begun: Signal<Bool>) -> StopToken.Reason? {
    let raised = Signal<Bool>()
    _ = stop.addHandler { raised.open() }
    begun.open()
    _ = raised.wait()
    return stop.reason
}
