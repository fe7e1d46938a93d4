import Documents
import Model
import Testing

struct DocumentRefusalTests {
    @Test(
        arguments: [
            // Keys that are not known name the nearest one.
            (step("lokback: 1h"), Failure.Code.unknownKey, "steps[0].lokback", "Did you mean `lookback`?"),
            (step("cursor: { colum: x }"), .unknownKey, "steps[0].cursor.colum", "Did you mean `column`?"),
            (step("zzz: 1"), .unknownKey, "steps[0].zzz", "Its keys are name, kind, depends_on"),
            (step() + "timout: 1h", .unknownKey, "timout", "Did you mean `timeout`?"),
            (step() + "retries: { attempts: 3 }", .unknownKey, "retries.attempts", "max_attempts"),
            (step("source: { connection: shop, tabel: orders }"), .unknownKey, "steps[0].source.tabel", "`table`"),
            (step("columns: { excluded: [a] }"), .unknownKey, "steps[0].columns.excluded", "`exclude`"),
            // What this version does not do is refused, not ignored.
            (step() + "after: [orders]", .dependencyCycle, "after", "Remove"),
            (step() + "after: { customers: 1 }", .invalidValue, "after", ""),
            (step("partition_by: { interval: day }"), .missingKey, "steps[0].partition_by.column", "created_at"),
            (
                step("partition_by: { column: a, interval: 2d }"), .invalidValue, "steps[0].partition_by.interval",
                "week"
            ),
            (step("partition_by: { column: a, interval: 0 }"), .invalidValue, "steps[0].partition_by.interval", "week"),
            (
                step("partition_by: { column: a, timezone: Berlin }"), .invalidValue, "steps[0].partition_by.timezone",
                "Europe/Berlin"
            ),
            (
                step("partition_by: { column: a, interval: 1000, timezone: UTC }"), .invalidValue,
                "steps[0].partition_by.timezone", "Remove"
            ),
            (step("detect_deletes: rows"), .invalidValue, "steps[0].detect_deletes", "one of keys"),
            (step("detect_deletes: keys", "write_mode: append"), .invalidValue, "steps[0].detect_deletes", "upsert"),
            (
                step("strategy: snapshot_diff", "detect_deletes: keys", without: ["cursor"]), .invalidValue,
                "steps[0].detect_deletes", "as it is"
            ),
            (step("sql: SELECT 1"), .invalidValue, "steps[0].sql", "kind: sql"),
            (step("kind: sqll"), .invalidValue, "steps[0].kind", "sql"),
            // Change events.
            (step("strategy: cdc", without: ["primary_key"]), .missingKey, "steps[0].primary_key", "primary_key"),
            (step("strategy: cdc", "write_mode: append"), .invalidValue, "steps[0].write_mode", "Remove"),
            (step("strategy: cdc", "on_duplicate_key: fail"), .invalidValue, "steps[0].on_duplicate_key", "Remove"),
            (step("strategy: cdc", "lookback: 1h"), .invalidValue, "steps[0].lookback", "whole number"),
            (step("strategy: cdc", "change_log: flatt"), .invalidValue, "steps[0].change_log", "`flat`"),
            (step("strategy: cdc", "change_log: { op: x }"), .unknownKey, "steps[0].change_log.op", "operation"),
            (
                step("strategy: cdc", "change_log: { shape: debezium, operation: x }"), .invalidValue,
                "steps[0].change_log.operation", "Remove"
            ),
            (
                step("strategy: cdc", "cursor: { column: lsn, on_missing: include }"), .invalidValue,
                "steps[0].cursor.on_missing", "query"
            ),
            (step("change_log: flat"), .invalidValue, "steps[0].change_log", "Remove"),
            (step("strategy: snapshot_diff"), .invalidValue, "steps[0].cursor", "timestamp or sequence"),
            (
                step("strategy: snapshot_diff", "write_mode: upsert", without: ["cursor"]), .invalidValue,
                "steps[0].write_mode", "Remove"
            ),
            (step("soft_delete: deleted_at"), .invalidValue, "steps[0].soft_delete", "detect_deletes: keys"),
            (
                step("strategy: full_refresh", "soft_delete: x", without: ["cursor"]), .invalidValue,
                "steps[0].soft_delete", "snapshot_diff"
            ),
            (
                step("strategy: snapshot_diff", "soft_delete: ID", without: ["cursor"]), .invalidValue,
                "steps[0].soft_delete", "only the destination"
            ),
            // Keys that are missing.
            (step(without: ["cursor"]), .missingCursor, "steps[0].cursor", "cursor: updated_at"),
            (step("cursor: { format: iso8601 }"), .missingCursor, "steps[0].cursor.column", "Add the column"),
            (step("strategy: sequence", without: ["cursor"]), .missingCursor, "steps[0].cursor", "cursor: id"),
            (step("write_mode: upsert", without: ["primary_key"]), .missingKey, "steps[0].primary_key", "[id]"),
            (step("write_mode: delete_insert", without: ["primary_key"]), .missingKey, "steps[0].primary_key", "[id]"),
            (step(without: ["source"]), .missingKey, "steps[0].source", "connection: shop"),
            (step(without: ["destination"]), .missingKey, "steps[0].destination", "connection: warehouse"),
            (step(without: ["strategy"]), .missingKey, "steps[0].strategy", "Add one of"),
            (step(without: ["name"]), .missingKey, "steps[0].name", "Add one"),
            (step("source: { table: orders }"), .missingKey, "steps[0].source.connection", "connection"),
            (step("source: { connection: shop }"), .missingKey, "steps[0].source.table", "Add one of them"),
            (step("destination: { connection: shop }"), .missingKey, "steps[0].destination.table", "Add the table"),
            (
                step("destination: { connection: warehouse, table: sqlite_master }"), .invalidValue,
                "steps[0].destination.table", "sqlite_"
            ),
            (
                step("destination: { connection: warehouse, table: _Strandline_loads }"), .invalidValue,
                "steps[0].destination.table", "_strandline_"
            ),
            ("name: x", .missingKey, "steps", "at least one step"),
            ("name: x\nsteps: []", .invalidValue, "steps", "at least one"),
            // Values of the wrong form.
            (step("max_shrink: 1.5"), .invalidValue, "steps[0].max_shrink", "share"),
            (step("max_shrink: -0.1"), .invalidValue, "steps[0].max_shrink", "share"),
            (step("max_shrink: half"), .invalidValue, "steps[0].max_shrink", "share"),
            (step("lookback: 5"), .invalidValue, "steps[0].lookback", "90s, 10m"),
            (step("lookback: 5 minutes"), .invalidValue, "steps[0].lookback", "90s, 10m"),
            (step("lookback: -1h"), .invalidValue, "steps[0].lookback", "90s, 10m"),
            (step("strategy: sequence", "lookback: 1h"), .invalidValue, "steps[0].lookback", "whole number"),
            (step("strategy: sequence", "lookback: -1"), .invalidValue, "steps[0].lookback", ""),
            (
                step("strategy: sequence", "cursor: { column: id, format: iso8601 }"), .invalidValue,
                "steps[0].cursor.format", "Remove"
            ),
            (step("strategy: timestmp"), .invalidValue, "steps[0].strategy", "Did you mean `timestamp`?"),
            (step("write_mode: 1"), .invalidValue, "steps[0].write_mode", "append, upsert, delete_insert"),
            (step("on_gap: fail"), .invalidValue, "steps[0].on_gap", "Remove it"),
            (step("kind: 5"), .invalidValue, "steps[0].kind", "load, sql"),
            (step("primary_key: []"), .invalidValue, "steps[0].primary_key", "Name the columns"),
            (step("primary_key: []", "write_mode: upsert"), .invalidValue, "steps[0].primary_key", "Name the columns"),
            (step("primary_key: [id, id]"), .invalidValue, "steps[0].primary_key[1]", "Remove one"),
            (step("primary_key: [1]"), .invalidValue, "steps[0].primary_key[0]", "quotes"),
            (step("primary_key: {a: b}"), .invalidValue, "steps[0].primary_key", "primary_key: [name]"),
            (step("cursor: [updated_at]"), .invalidValue, "steps[0].cursor", ""),
            (step("cursor: 5"), .invalidValue, "steps[0].cursor", "quotes"),
            (step("cursor: \"a\\0b\""), .invalidValue, "steps[0].cursor", ""),
            (step("cursor: \"\""), .invalidValue, "steps[0].cursor", ""),
            (step("cursor: { column: t, initial: yesterday }"), .invalidValue, "steps[0].cursor.initial", "2024-01-01"),
            (step("cursor: { column: t, initial: 17 }"), .invalidValue, "steps[0].cursor.initial", "unix_seconds"),
            (
                step("cursor: { column: t, format: unix_millis, initial: \"2024-01-01\" }"), .invalidValue,
                "steps[0].cursor.initial", "number"
            ),
            (
                step("source: { connection: shop, table: a, query: b }"), .invalidValue, "steps[0].source.query",
                "Remove one"
            ),
            (step("source: shop.orders"), .invalidValue, "steps[0].source", ""),
            (step("name: Orders!"), .invalidValue, "steps[0].name", "`orders_` would do"),
            (step("columns: { include: [] }"), .invalidValue, "steps[0].columns.include", "Remove it"),
            (step("columns: [a]"), .invalidValue, "steps[0].columns", ""),
            (step() + "timeout: 0s", .invalidValue, "timeout", ""),
            (step() + "timeout: 1y", .invalidValue, "timeout", "90s"),
            (step() + "retries: 3", .invalidValue, "retries", ""),
            (step() + "retries: { max_attempts: 0 }", .invalidValue, "retries.max_attempts", ""),
            (step() + "retries: { max_attempts: 1000 }", .invalidValue, "retries.max_attempts", ""),
            (step() + "retries: { backoff: 1h, max_backoff: 1m }", .invalidValue, "retries.max_backoff", "at least 1h"),
            (step() + "description: [a]", .invalidValue, "description", "quotes"),
            ("[]", .invalidValue, nil, ""), ("just text", .invalidValue, nil, ""), ("", .invalidValue, nil, ""),
            ("name: x\nsteps: {a: b}", .invalidValue, "steps", "- "),
            ("name: x\nsteps: [5]", .invalidValue, "steps[0]", ""),
            // Fields that do not fit together.
            (
                step("columns: { exclude: [updated_at] }"), .invalidValue, "steps[0].columns.exclude",
                "Remove it from `exclude`"
            ),
            (step("columns: { exclude: [ID] }"), .invalidValue, "steps[0].columns.exclude", "Remove it from `exclude`"),
            (
                step("columns: { include: [id, name] }"), .invalidValue, "steps[0].columns.include",
                "Add it to `include`"
            ),
            (
                step("columns: { include: [updated_at] }"), .invalidValue, "steps[0].columns.include",
                "Add it to `include`"
            ),
            (step("strategy: full_refresh", without: ["primary_key"]), .invalidValue, "steps[0].cursor", "Remove it"),
            (
                step("strategy: full_refresh", "write_mode: upsert", without: ["cursor"]), .invalidValue,
                "steps[0].write_mode", "Remove"
            ),
            (
                step("write_mode: append", "lookback: 1h", without: ["primary_key"]), .invalidValue,
                "steps[0].lookback", "upsert"
            ),
            (step("destination: { connection: shop, table: Orders }"), .sameTable, "steps[0].destination", "another"),
            (step("depends_on: [nothing]"), .unknownStep, "steps[0].depends_on[0]", "Add the step"),
            (step("depends_on: [orders]"), .dependencyCycle, "steps[0].depends_on", "Remove one"),
        ] as [(String, Failure.Code, String?, String)])
    func refuses(text: String, code: Failure.Code, field: String?, hint: String) {
        let failures = failures(text)
        #expect(failures.count == 1, "\(failures)")
        #expect(failures.first?.code == code)
        #expect(failures.first?.field == field)
        #expect(failures.first?.hint.contains(hint) == true || hint.isEmpty, "\(failures.first?.hint ?? "")")
        #expect(failures.first?.mark != nil)
    }

    @Test func tellsEverythingAtOnceInTheOrderOfTheText() {
        let failures = failures(
            """
            name: BAD NAME
            timout: 1h
            steps:
              - name: a
                source: { connection: shop }
                destination: { connection: warehouse, table: a }
                strategy: timestamp
                max_shrink: 7
              - name: a
                strategy: hourly
            """)
        #expect(
            failures.map { "\($0.mark?.line ?? 0) \($0.field ?? "")" } == [
                "1 name", "2 timout", "4 steps[0].cursor", "5 steps[0].source.table", "8 steps[0].max_shrink",
                "9 steps[1].source", "9 steps[1].destination", "9 steps[1].name", "10 steps[1].strategy",
            ])
    }

    @Test func pointsAtTheValueThatIsWrong() {
        let failure = failures(step("max_shrink: 7")).first
        #expect(failure?.mark == Mark(line: 9, column: 17))
        #expect(failure?.message == "`max_shrink` must be a number from 0 to 1, not the number 7")
    }

    @Test func namesThePathOfACycle() {
        let steps = [("a", "b"), ("b", "c"), ("c", "a")].map { name, other in
            """
              - name: \(name)
                depends_on: [\(other)]
                source: { connection: shop, table: \(name) }
                destination: { connection: warehouse, table: \(name) }
                strategy: full_refresh
            """
        }
        let failures = failures("name: p\nsteps:\n" + steps.joined(separator: "\n"))
        #expect(failures.map(\.code) == [.dependencyCycle])
        #expect(failures.first?.message == "the steps depend on each other in a circle: a -> b -> c -> a")
    }

    @Test func namesTheNearestStep() {
        let other = step().replacingFirst("name: orders\nsteps:\n", with: "").replacingFirst(
            "orders", with: "customers")
        let failures = failures(step("depends_on: [customer]") + other)
        #expect(failures.first?.hint == "Did you mean `customers`?")
    }

    @Test func aMisspeltKeyIsNotToldAsMissingToo() {
        let text = step(without: ["cursor"]) + "    cursr: updated_at\n"
        #expect(failures(text).map(\.field) == ["steps[0].cursr"])
    }

    @Test func boundsTheNumberOfSteps() {
        let many = (0...500).map { "  - { name: s\($0) }" }.joined(separator: "\n")
        #expect(failures("name: p\nsteps:\n" + many).map(\.field) == ["steps"])
    }
}
