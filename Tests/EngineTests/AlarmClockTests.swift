import Platform
import Testing

@testable import Engine

struct AlarmClockTests {
    private let clock = ManualClock(Timestamp(microseconds: 0))

    @Test func actsInTheOrderOfTimesWhenTheyHaveCome() {
        let alarms = AlarmClock(clock: clock)
        defer { alarms.stop() }
        let signal = Signal<Int>()
        alarms.set(at: .seconds(20)) { signal.send(20) }
        alarms.set(at: .seconds(10)) { signal.send(10) }
        alarms.set(at: .seconds(30)) { signal.send(30) }
        clock.advance(by: .seconds(20))
        alarms.lookAgain()
        #expect(signal.wait(2) == [10, 20])
        clock.advance(by: .seconds(10))
        alarms.lookAgain()
        #expect(signal.wait(3) == [10, 20, 30])
    }

    @Test func actsAtOnceWhenTheTimeHasPassed() {
        let alarms = AlarmClock(clock: clock)
        defer { alarms.stop() }
        let signal = Signal<Int>()
        alarms.set(at: .zero) { signal.send(1) }
        #expect(signal.wait() == 1)
    }

    @Test func aCancelledAlarmDoesNotAct() {
        let alarms = AlarmClock(clock: clock)
        defer { alarms.stop() }
        let signal = Signal<Int>()
        let alarm = alarms.set(at: .seconds(1)) { signal.send(1) }
        alarms.set(at: .seconds(2)) { signal.send(2) }
        alarms.cancel(alarm)
        clock.advance(by: .seconds(2))
        alarms.lookAgain()
        #expect(signal.wait() == 2)
    }

    @Test func wakesByItselfOnARunningClock() {
        let clock = SystemClock()
        let alarms = AlarmClock(clock: clock)
        defer { alarms.stop() }
        let signal = Signal<Duration>()
        let time = clock.uptime() + .milliseconds(20)
        alarms.set(at: clock.uptime() + .seconds(60)) {}
        alarms.set(at: time) { signal.send(clock.uptime()) }
        #expect((signal.wait() ?? .zero) >= time)
    }

    @Test func anActionMaySetAnotherAlarm() {
        let alarms = AlarmClock(clock: clock)
        defer { alarms.stop() }
        let signal = Signal<Int>()
        alarms.set(at: .zero) { alarms.set(at: .zero) { signal.send(1) } }
        #expect(signal.wait() == 1)
    }
}
