import Foundation
import Loading
import Model
import Platform
import SQLite
import Synchronization
import Testing

/// Rows, watermark and record commit together, once, in the right order and by the right attempt.
struct CommitTests {
    private func filled(_ rows: Int, _ table: String = Tables.orders) throws -> World {
        let world = try World(table)
        try world.source.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
            INSERT INTO orders SELECT i, 'item ' || i, strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + (i / 3) * 60, 'unixepoch')
            FROM n
            """)
        return world
    }

    @Test("PAINS 18, 21: rows, watermark and record are there together or not at all", arguments: WriteMode.allCases)
    func togetherOrNotAtAll(mode: WriteMode) throws {
        for table in ["_strandline_watermarks", "_strandline_loads", "orders"] {
            let world = try filled(20)
            let step = world.step(mode: mode)
            try world.source.execute(
                "CREATE TABLE later AS SELECT * FROM orders WHERE id > 10; DELETE FROM orders WHERE id > 10")
            try world.load(step)
            let before = try world.watermark()
            try world.source.execute("INSERT INTO orders SELECT * FROM later")
            try world.warehouse.execute(
                """
                CREATE TRIGGER stop_insert BEFORE INSERT ON \(table) BEGIN SELECT RAISE(ABORT, 'on purpose'); END;
                CREATE TRIGGER stop_update BEFORE UPDATE ON \(table) BEGIN SELECT RAISE(ABORT, 'on purpose'); END;
                """)
            let failure = try world.failure(step)
            #expect(failure?.code == .constraint, "\(table)")
            #expect(try world.watermark() == before)
            #expect(try world.inWarehouse("SELECT count(*) FROM orders") == [[10]])
            #expect(try world.inWarehouse("SELECT count(*) FROM _strandline_loads") == [[1]])
            try world.warehouse.execute("DROP TRIGGER stop_insert; DROP TRIGGER stop_update")
            try world.load(step)
            #expect(try world.isEqual())
        }
    }

    @Test("a load whose record is final is not repeated and answers its counts")
    func finalLoadsAreNotRepeated() throws {
        let world = try filled(20)
        let step = world.step()
        let first = try world.load(step, run: "run-1", rowsPerCommit: 6)
        try world.source.execute("UPDATE orders SET item = 'changed'")
        let again = try world.load(step, run: "run-1", attempt: 2, rowsPerCommit: 6)
        #expect(again == first.recorded)
        #expect(first.counts == RowCounts(read: 20, inserted: 20))
        #expect(try world.inWarehouse("SELECT count(*) FROM orders WHERE item = 'changed'") == [[0]])
        let recorded = try world.loader().committed(
            run: "run-1", step: "orders", destination: try world.file("warehouse.db"))
        #expect(recorded?.result == first.recorded)
        let watermark = try #require(try world.watermark())
        #expect(recorded?.watermark == watermark)
        let repeated = try world.loader().load(try world.request(step, run: "run-1", attempt: 3), stop: StopToken())
        #expect(repeated.result.recorded == first.recorded)
        #expect(repeated.watermark == watermark)
        try world.source.execute("INSERT INTO orders VALUES (99, 'new', '2024-05-31T00:00:00Z')")
        let next = try world.loader().load(try world.request(step, run: "run-3"), stop: StopToken())
        #expect(next.watermark?.run == "run-3")
        #expect(next.watermark == (try world.watermark()))
        #expect(
            try world.loader().committed(run: "run-2", step: "orders", destination: try world.file("warehouse.db"))
                == nil)
        #expect(
            try world.loader().committed(run: "run-1", step: "orders", destination: try world.file("none.db")) == nil)
    }

    @Test("a destination is one file when a load into it has ended")
    func endsAsOneFile() throws {
        let world = try filled(20)
        for step in [world.step(), world.step("orders", .fullRefresh, cursor: nil)] {
            try world.load(step, rowsPerCommit: 6)
            for suffix in ["-wal", "-shm", "-journal"] {
                #expect(!FileManager.default.fileExists(atPath: world.path("warehouse.db" + suffix)))
            }
        }
    }

    @Test("PAINS 20: an attempt that was given up cannot commit after a newer one")
    func oldAttemptsAreFencedOff() throws {
        let world = try filled(20)
        let step = world.step()
        // The newer attempt commits a part, then stops.
        let stop = StopToken()
        world.stopAfterCommits = (1, stop)
        _ = #expect(throws: Failure.self) {
            try world.load(step, run: "run-1", attempt: 2, rowsPerCommit: 6, stop: stop)
        }
        world.stopAfterCommits = nil
        let held = try world.watermark()
        #expect(held != nil)
        let request = try world.request(step, run: "run-1", attempt: 1)
        let failure = #expect(throws: Failure.self) {
            try world.loader().load(request, stop: StopToken())
        }
        #expect(failure?.code == .fenced)
        #expect(try world.watermark() == held)
        #expect(
            try world.loader().committed(run: "run-1", step: "orders", destination: try world.file("warehouse.db"))
                == nil)
    }

    @Test("a first load that was stopped half-way goes on where it was", arguments: WriteMode.allCases)
    func goesOnWhereItWas(mode: WriteMode) throws {
        for table in Tables.both {
            for commits in 1...3 {
                let world = try filled(40, table)
                let step = world.step(mode: mode)
                let stop = StopToken()
                world.stopAfterCommits = (commits, stop)
                let failure = #expect(throws: Failure.self) {
                    try world.load(step, run: "run-1", rowsPerCommit: 7, stop: stop)
                }
                #expect(failure?.code == .cancelled)
                world.stopAfterCommits = nil
                let done = try world.inWarehouse("SELECT count(*) FROM orders")
                let loads = try world.inWarehouse(
                    "SELECT sum(rows_inserted), max(commit_number) FROM _strandline_loads")
                #expect(loads == [[done[0][0], Value(commits)]])
                // Never inside a tie: the watermark's rows are there in full, and nothing above them.
                let mark = try #require(try world.watermark()?.value).display
                let sql = "SELECT count(*) FROM orders WHERE updated_at <= '\(mark)'"
                #expect(try world.inSource(sql) == done)
                let result = try world.load(step, run: "run-1", attempt: 2, rowsPerCommit: 7)
                #expect(result.counts.inserted == 40)
                #expect(result.counts.updated == 0)
                #expect(result.counts.read == 40 + result.counts.unchanged)
                #expect(result.counts.unchanged <= 3, "only the tie at the boundary is read again")
                #expect(result.watermarkBefore == nil)
                #expect(try world.isEqual())
            }
        }
    }

    @Test("PAINS 4: no commit ends inside a tie")
    func noCommitCutsATie() throws {
        for table in Tables.both {
            let world = try World(table)
            try world.source.execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
                INSERT INTO orders SELECT i, 'x', CASE WHEN i BETWEEN 5 AND 30 THEN '2024-05-01' ELSE '2024-05-0' || (2 + i % 3) END
                FROM n
                """)
            let result = try world.load(world.step(), rowsPerCommit: 3)
            #expect(result.commits == 4)
            #expect(result.counts == RowCounts(read: 50, inserted: 50))
            let marks = try world.inWarehouse("SELECT watermark_after FROM _strandline_loads ORDER BY commit_number")
            #expect(marks == [["2024-05-01"], ["2024-05-02"], ["2024-05-03"], ["2024-05-04"]])
        }
    }

    @Test("the source is read after the destination's lock is held")
    func readsTheSourceUnderTheLock() async throws {
        let world = try filled(3)
        let step = world.step()
        try world.load(step)
        let request = try world.request(step)
        let loader = world.loader()
        let stop = StopToken()
        let progress = LoadProgress()
        let result = Mutex<Result<FinishedLoad, Failure>?>(nil)
        let done = DispatchSemaphore(value: 0)
        let waiting = DispatchSemaphore(value: 0)
        try world.warehouse.begin(.immediate)
        let thread = Thread {
            waiting.signal()
            let outcome = Result { () throws(Failure) in try loader.load(request, stop: stop, progress: progress) }
            result.withLock { $0 = outcome }
            done.signal()
        }
        thread.start()
        waiting.wait()
        // The load cannot get past BEGIN IMMEDIATE; whatever it has opened by now, this change must be seen.
        while try !isOpenTwice(world.path("source.db")) { sched_yield() }
        try world.source.execute("INSERT INTO orders VALUES (99, 'while it waited', '2024-05-05T00:00:00Z')")
        try world.warehouse.rollback()
        done.wait()
        let loaded = try #require(result.withLock { $0 }).get()
        #expect(loaded.result.counts.inserted == 1)
        #expect(try world.isEqual())
    }

    @Test("a load holds the destination's lock before it looks at anything")
    func theLockComesFirst() throws {
        let world = try filled(3)
        try world.load(world.step())
        let destination = world.path("warehouse.db")
        let wasLocked = Mutex(false)
        // The load looks at the clock first of all inside its transaction.
        let clock = WatchedClock(world.clock) { _ in
            do throws(SQLiteError) {
                try Connection(path: destination, access: .readWrite, busyTime: .zero).begin(.immediate)
            } catch {
                let isBusy = error.isBusy
                wasLocked.withLock { $0 = isBusy }
            }
        }
        _ = try Loader(clock: clock).load(try world.request(world.step()), stop: StopToken())
        #expect(wasLocked.withLock { $0 })
    }

    /// Whether this process has the file open by more than the test's own connection.
    private func isOpenTwice(_ path: String) throws -> Bool {
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        return open.count {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0)) == path
        } > 1
    }

    @Test("PAINS 62: a locked destination is a transient failure that names the file")
    func aLockedDestinationIsTransient() throws {
        let world = try filled(3)
        try world.warehouse.begin(.immediate)
        let failure = try world.failure(world.step())
        try world.warehouse.rollback()
        #expect(failure?.code == .locked)
        #expect(failure?.isTransient == true)
        #expect(failure?.message.contains("warehouse.db") == true)
    }

    @Test("a transaction that SQLite itself rolled back commits nothing, and is not gone on with")
    func rolledBackBySQLite() throws {
        let world = try filled(50)
        let step = world.step()
        try world.warehouse.execute(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, updated_at TEXT);
            CREATE TRIGGER t BEFORE INSERT ON orders WHEN new.id = 30 BEGIN SELECT RAISE(ROLLBACK, 'on purpose'); END;
            """)
        #expect(try world.failure(step, rowsPerCommit: 7) != nil)
        let done = try world.inWarehouse("SELECT count(*) FROM orders")
        #expect(try world.inWarehouse("SELECT sum(rows_inserted) FROM _strandline_loads") == done)
        let mark = try #require(try world.watermark()?.value).display
        #expect(try world.inSource("SELECT count(*) FROM orders WHERE updated_at <= '\(mark)'") == done)
        try world.warehouse.execute("DROP TRIGGER t")
        try world.load(step)
        #expect(try world.isEqual())
    }

    @Test("records are trimmed, and never those of the run in hand")
    func recordsAreTrimmed() throws {
        let world = try filled(3)
        try world.load(world.step(), run: "run-1")
        try world.warehouse.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.loadRecords + 50))
            INSERT INTO _strandline_loads (run, step, commit_number, pipeline, attempt, final, rows_read, rows_inserted,
                rows_updated, rows_unchanged, rows_deleted, position_key, load_window, warnings, committed_at)
            SELECT 'run-2-' || printf('%06d', i), step, 1, pipeline, 1, 1, 0, 0, 0, 0, 0, '[]', '', '[]', ''
                FROM n, _strandline_loads WHERE run = 'run-1'
            """)
        try world.load(world.step(), run: "run-3")
        let left = try world.inWarehouse("SELECT count(*), max(run) FROM _strandline_loads")
        #expect(left == [[Value(Limits.loadRecords), "run-3"]])
    }

    @Test func aNewerDestinationIsRefused() throws {
        let world = try filled(3)
        try world.load(world.step())
        try world.warehouse.execute("UPDATE _strandline_meta SET value = 99")
        #expect(try world.failure(world.step())?.code == .newerDestination)
    }
}
