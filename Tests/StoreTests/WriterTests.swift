import Model
import Platform
import SQLite
import Testing

@testable import Store

struct WriterTests {
    private struct Outcomes {
        var going = false
        var inside = false
        var successes = 0
        var failures: [StoreError.Code] = []
        var count: Int { successes + failures.count }
    }

    private typealias Outcome = Result<Void, StoreError>

    private func record(_ monitor: Monitor<Outcomes>) -> @Sendable (Outcome) -> Void {
        { outcome in
            monitor.update {
                switch outcome {
                case .success: $0.successes += 1
                case .failure(let error): $0.failures.append(error.code)
                }
            }
        }
    }

    /// Holds the writer in a change until the monitor says `going`.
    private func hold(_ store: ControlStore, _ monitor: Monitor<Outcomes>) {
        store.write(
            { _ throws(StoreError) in
                monitor.update { $0.inside = true }
                _ = monitor.wait { $0.going ? true : nil }
            }, completion: record(monitor))
        _ = monitor.wait { $0.inside ? true : nil }
    }

    private func event(_ store: ControlStore, _ monitor: Monitor<Outcomes>) {
        store.write(
            { transaction throws(StoreError) in _ = try transaction.appendEvent("x") }, completion: record(monitor))
    }

    private func events(_ store: ControlStore) throws -> Int {
        try store.read { session throws(StoreError) in try session.events(limit: 1_000).count }
    }

    @Test func commitsWaitingChangesTogether() throws {
        let world = try World()
        let monitor = Monitor(Outcomes())
        let before = world.store.commits
        hold(world.store, monitor)
        for _ in 0..<100 { event(world.store, monitor) }
        monitor.update { $0.going = true }
        _ = monitor.wait { $0.count == 101 ? true : nil }
        #expect(monitor.read { $0.successes } == 101)
        #expect(world.store.commits == before + 2)
        #expect(try events(world.store) == 100)
    }

    @Test func aRefusedChangeUndoesItselfAlone() throws {
        let world = try World()
        let monitor = Monitor(Outcomes())
        hold(world.store, monitor)
        for index in 0..<10 {
            world.store.write(
                { transaction throws(StoreError) in
                    _ = try transaction.appendEvent("x")
                    if index % 2 == 1 { throw StoreError(.inUse, "test", "refused") }
                }, completion: record(monitor))
        }
        monitor.update { $0.going = true }
        _ = monitor.wait { $0.count == 11 ? true : nil }
        #expect(monitor.read { $0.failures } == [.inUse, .inUse, .inUse, .inUse, .inUse])
        #expect(try events(world.store) == 5)
    }

    @Test func everyCallerLearnsThatTheWholeBatchWasLost() throws {
        let world = try World()
        let monitor = Monitor(Outcomes())
        hold(world.store, monitor)
        for index in 0..<5 {
            world.store.write(
                { transaction throws(StoreError) in
                    _ = try transaction.appendEvent("x")
                    guard index == 2 else { return }
                    // As SQLite itself does when the disk is full.
                    do throws(SQLiteError) { try transaction.connection.rollback() } catch {}
                    throw StoreError(.diskFull, "test", "full")
                }, completion: record(monitor))
        }
        monitor.update { $0.going = true }
        _ = monitor.wait { $0.count == 6 ? true : nil }
        #expect(monitor.read { $0.failures } == [.diskFull, .diskFull, .diskFull, .diskFull, .diskFull])
        #expect(try events(world.store) == 0)
        event(world.store, monitor)
        _ = monitor.wait { $0.count == 7 ? true : nil }
        #expect(try events(world.store) == 1)
    }

    @Test func commitsBeforeItTellsTheCaller() throws {
        let world = try World()
        let store = world.store
        let seen = Monitor<Int?>(nil)
        store.write(
            { transaction throws(StoreError) in _ = try transaction.appendEvent("x") },
            completion: { _ in
                var count = -1
                do throws(StoreError) {
                    count = try store.read { session throws(StoreError) in try session.events().count }
                } catch {}
                seen.update { [count] in $0 = count }
            })
        #expect(seen.wait { $0 } == 1)
    }

    @Test func closingCommitsWhatWaitsAndRefusesTheRest() throws {
        let world = try World()
        let monitor = Monitor(Outcomes())
        let store = world.store
        hold(store, monitor)
        for _ in 0..<20 { event(store, monitor) }
        let closed = Monitor(false)
        Thread.start(name: "closer") {
            store.close()
            closed.update { $0 = true }
        }
        monitor.update { $0.going = true }
        _ = closed.wait { $0 ? true : nil }
        #expect(monitor.read { $0.successes } == 21)
        event(store, monitor)
        #expect(monitor.read { $0.failures } == [.stopping])
        #expect(throws: StoreError.self) {
            try store.write { transaction throws(StoreError) in try transaction.lastEvent() }
        }
        #expect(throws: StoreError.self) { try store.read { session throws(StoreError) in try session.lastEvent() } }
        try world.reopen()
        #expect(try events(world.store) == 20)
    }

    @Test func isBounded() throws {
        let world = try World()
        let monitor = Monitor(Outcomes())
        hold(world.store, monitor)
        let nothing: @Sendable (Transaction) throws(StoreError) -> Void = { _ in }
        for _ in 0..<Limits.waitingChanges { world.store.write(nothing, completion: record(monitor)) }
        #expect(monitor.read { $0.failures.isEmpty })
        world.store.write(nothing, completion: record(monitor))
        #expect(monitor.read { $0.failures } == [.queueFull])
        monitor.update { $0.going = true }
        _ = monitor.wait { $0.count == Limits.waitingChanges + 2 ? true : nil }
        #expect(monitor.read { $0.successes } == Limits.waitingChanges + 1)
    }

    @Test func neverWaitsForItself() throws {
        let world = try World()
        let store = world.store
        let outcome = Monitor<StoreError.Code?>(nil)
        store.write({ _ throws(StoreError) in }) { _ in
            do throws(StoreError) { try store.write { _ throws(StoreError) in } } catch {
                outcome.update { [code = error.code] in $0 = code }
            }
        }
        #expect(outcome.wait { $0 } == .internalError)
    }

    @Test func takesChangesOfManyThreads() throws {
        let world = try World()
        let store = world.store
        let monitor = Monitor((done: 0, failed: 0))
        for _ in 0..<8 {
            Thread.start(name: "caller") {
                for _ in 0..<50 {
                    do throws(StoreError) {
                        try store.write { transaction throws(StoreError) in try transaction.appendEvent("x") }
                    } catch { monitor.update { $0.failed += 1 } }
                }
                monitor.update { $0.done += 1 }
            }
        }
        _ = monitor.wait { $0.done == 8 ? true : nil }
        #expect(monitor.read { $0.failed } == 0)
        #expect(try events(store) == 400)
    }

    @Test func isBusyWhileAnotherProgramHoldsTheFileAndGoesOnAfterwards() throws {
        let world = try World()
        world.store.close()
        let path = world.directory + "/control.db"
        let writer = try Writer(clock: world.clock, log: World.log) { () throws(StoreError) in
            do throws(SQLiteError) {
                return try SQLite.Connection(path: path, access: .readWrite, busyTime: .milliseconds(5))
            } catch { throw StoreError("open", error) }
        }
        defer { writer.close() }
        let other = try world.connection()
        try other.begin(.immediate)
        let monitor = Monitor(Outcomes())
        let tell = record(monitor)
        let change = Writer.Change(
            run: { transaction throws(StoreError) in
                _ = try transaction.appendEvent("x")
                return { tell(.success(())) }
            }, fail: { tell(.failure($0)) })
        writer.submit(change)
        #expect(monitor.wait { $0.count == 1 ? $0.failures : nil } == [.busy])
        try other.rollback()
        writer.submit(change)
        #expect(monitor.wait { $0.count == 2 ? $0.successes : nil } == 1)
    }

    @Test func isInTroubleFromAFullDiskUntilSomethingIsCommitted() throws {
        let world = try World()
        #expect(world.store.writeFailure == nil)
        try fill(world)
        #expect(throws: StoreError.self) { try self.addLargeEvent(world) }
        #expect(world.store.writeFailure?.code == .diskFull)
        // A commit of nothing says nothing of the disk.
        try world.store.write { transaction throws(StoreError) in _ = try transaction.lastEvent() }
        #expect(world.store.writeFailure?.code == .diskFull)
        try world.store.write { transaction throws(StoreError) in
            do throws(SQLiteError) { try transaction.connection.execute("PRAGMA max_page_count = 1000000") } catch {}
            try transaction.proveWritable()
        }
        #expect(world.store.writeFailure == nil)
        try addLargeEvent(world)
    }

    /// Lets the writer's connection grow the file no further, as a full disk would.
    private func fill(_ world: World) throws {
        try world.store.write { transaction throws(StoreError) in
            do throws(SQLiteError) { try transaction.connection.execute("PRAGMA max_page_count = 1") } catch {}
        }
    }

    private func addLargeEvent(_ world: World) throws {
        try world.store.write { transaction throws(StoreError) in
            try transaction.appendEvent("x", payload: String(repeating: "x", count: 200_000))
        }
    }

    @Test func opensAgainAfterAnErrorThatAConnectionDoesNotSurvive() throws {
        let world = try World()
        for code in [StoreError.Code.inputOutput, .corrupt] {
            let error = #expect(throws: StoreError.self) {
                try world.store.write { transaction throws(StoreError) in
                    transaction.connection.close()
                    throw StoreError(code, "test", "broken")
                }
            }
            #expect(error?.code == code)
            try world.store.write { transaction throws(StoreError) in try transaction.appendEvent("x") }
        }
        #expect(try events(world.store) == 2)
    }
}
