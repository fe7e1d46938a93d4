import Documents
import Model
import Testing

struct PipelineDocumentTests {
    @Test func decodesEveryKey() throws {
        let document = try decode(
            """
            name: orders
            description: Orders of the web shop
            retries: { max_attempts: 5, backoff: 1s, max_backoff: 1m }
            timeout: 1h30m
            steps:
              - name: customers
                source: { connection: shop, query: "SELECT * FROM customers" }
                destination: { connection: warehouse, table: customers }
                strategy: full_refresh
              - name: orders
                kind: load
                depends_on: [customers]
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: "my \\"orders\\"" }
                strategy: timestamp
                cursor:
                  { column: updated_at, format: iso8601, on_missing: include, on_unparsable: exclude, initial: "2024-01-01" }
                primary_key: [id, line]
                write_mode: delete_insert
                lookback: 3d
                settle: 10s
                max_shrink: 0.25
                columns: { include: ["*"], exclude: [card_number] }
                schema_policy: freeze
                on_duplicate_key: fail
                detect_deletes: keys
                soft_delete: removed_at
                undo: { keep: 1d, max_rows: 100 }
              - name: events
                source: { connection: shop, table: events }
                destination: { connection: warehouse, table: events }
                strategy: sequence
                cursor: { column: id, initial: 100 }
                lookback: 50
                primary_key: id
                on_gap: fail
                columns: { include: [id, body] }
                undo: off
            """)
        let pipeline = document.pipeline
        #expect(pipeline.name == "orders")
        #expect(pipeline.description == "Orders of the web shop")
        #expect(pipeline.retries == RetryPolicy(maxAttempts: 5, backoff: .seconds(1), maxBackoff: .seconds(60)))
        #expect(pipeline.timeout == .seconds(5_400))
        #expect(pipeline.loads.map(\.undo) == [.usual, UndoPolicy(keep: .seconds(86_400), maxRows: 100), nil])
        #expect(
            pipeline.loads.map { $0.with { $0.undo = nil } } == [
                LoadStep(
                    name: "customers", source: .init(connection: "shop", relation: .query("SELECT * FROM customers")),
                    destination: .init(connection: "warehouse", table: "customers"), strategy: .fullRefresh),
                LoadStep(
                    name: "orders", source: .init(connection: "shop", relation: .table("orders")),
                    destination: .init(connection: "warehouse", table: "my \"orders\""), strategy: .timestamp,
                    cursor: Cursor(
                        column: "updated_at", format: .iso8601, onMissing: .include, onUnparsable: .exclude,
                        initial: .text("2024-01-01")),
                    primaryKey: ["id", "line"], writeMode: .deleteInsert, lookback: .time(.seconds(259_200)),
                    settle: .time(.seconds(10)), maxShrink: 0.25, columns: ColumnSelection(exclude: ["card_number"]),
                    schemaPolicy: .freeze, onDuplicateKey: .fail
                ).with {
                    $0.detectDeletes = .keys
                    $0.softDelete = "removed_at"
                },
                LoadStep(
                    name: "events", source: .init(connection: "shop", relation: .table("events")),
                    destination: .init(connection: "warehouse", table: "events"), strategy: .sequence,
                    cursor: Cursor(column: "id", initial: .integer(100)), primaryKey: ["id"], lookback: .count(50),
                    columns: ColumnSelection(include: ["id", "body"]), onGap: .fail),
            ])
        #expect(pipeline.steps.map(\.dependsOn) == [[], ["customers"], []])
        #expect(document.warnings.isEmpty)
        #expect(pipeline.stepsInOrder.map(\.name) == ["customers", "orders", "events"])
    }

    @Test func columnsGetNamesAndTypes() throws {
        let columns = try decode(step("columns: { rename: { no: id, cust: customer }, cast: { total: real } }"))
            .pipeline.loads[0].columns
        #expect(columns.rename.map(\.source) == ["no", "cust"])
        #expect(columns.rename.map(\.name) == ["id", "customer"])
        #expect(columns.cast.map(\.column) == ["total"])
        #expect(columns.cast.map(\.type) == [.real])
        let wrong = failures(step("columns: { cast: { total: money } }"))
        #expect(wrong.map(\.field) == ["steps[0].columns.cast.total"])
        let events = failures(
            step("strategy: cdc", "columns: { rename: { no: id } }", without: ["cursor"]))
        #expect(events.map(\.code) == [.unsupported])
    }

    @Test func readsWhatABackfillSlicesBy() throws {
        func scheme(_ text: String) throws -> PartitionScheme? {
            try decode(step("partition_by: \(text)")).pipeline.loads[0].partitionBy
        }
        #expect(try scheme("created_at") == PartitionScheme(column: "created_at", interval: .day))
        #expect(
            try scheme("{ column: at, interval: month, format: unix_millis, timezone: Europe/Berlin }")
                == PartitionScheme(column: "at", format: .unixMillis, interval: .month, timezone: "Europe/Berlin"))
        #expect(try scheme("{ column: id, interval: 1000 }") == PartitionScheme(column: "id", interval: .count(1000)))
        #expect(
            try decode(step("write_mode: upsert")).pipeline.loads[0].partitionScheme
                == PartitionScheme(column: "updated_at", interval: .day))
    }

    @Test func aSnapshotDiffNeedsAKeyOnlyForAQuery() throws {
        let diff = try decode(step("strategy: snapshot_diff", "soft_delete: deleted_at", without: ["cursor"]))
            .pipeline.loads[0]
        #expect(diff.strategy == .snapshotDiff)
        #expect(diff.softDelete == "deleted_at")
        #expect(diff.cursor == nil && diff.lookback == .none)
        #expect(failures(step("strategy: snapshot_diff", without: ["cursor", "primary_key"])).isEmpty)
        let query = step(
            "strategy: snapshot_diff", "source: { connection: shop, query: SELECT 1 AS id }",
            without: ["cursor", "primary_key"])
        #expect(failures(query).map(\.field) == ["steps[0].primary_key"])
    }

    @Test func changeEventsNeedOnlyAKey() throws {
        let found = try decode(step("strategy: cdc", without: ["cursor"])).pipeline.loads[0]
        #expect(found.strategy == .cdc && found.writeMode == .upsert)
        #expect(found.cursor == nil && found.lookback == .none && found.onGap == .warn)
        #expect(found.changeLog == ChangeLogFormat())
        let named = try decode(
            step(
                "strategy: cdc", "cursor: { column: seq, initial: 5 }", "lookback: 100", "on_gap: fail",
                "soft_delete: gone_at", "columns: { exclude: [note] }",
                "change_log: { shape: flat, operation: what, data: row, index: part }")
        ).pipeline.loads[0]
        #expect(named.cursor == Cursor(column: "seq", initial: .integer(5)))
        #expect(named.lookback == .count(100) && named.onGap == .fail && named.softDelete == "gone_at")
        #expect(named.changeLog.shape == .flat && named.changeLog.operation == "what")
        #expect(named.changeLog.data == "row" && named.changeLog.index == "part")
        let short = try decode(step("strategy: cdc", "change_log: debezium", without: ["cursor"])).pipeline.loads[0]
        #expect(short.changeLog.shape == .debezium)
    }

    @Test func refusesToShareATableWithAStepThatRemovesRows() {
        func two(_ first: String..., table: String) -> String {
            let other = """
                  - name: archive
                    source: { connection: archive, table: orders }
                    destination: { connection: warehouse, table: \(table) }
                    strategy: snapshot_diff
                    primary_key: [id]

                """
            return step(first.first ?? "lookback: 1h") + other
        }
        #expect(failures(two(table: "Orders")).map(\.field) == ["steps[1].destination"])
        #expect(failures(two(table: "archived")).isEmpty)
        let swept = two("detect_deletes: keys", table: "orders").replacingFirst("snapshot_diff", with: "full_refresh")
        #expect(failures(swept).first?.message.contains("`orders` removes every row") == true)
        let both = two(table: "orders").replacingFirst("snapshot_diff", with: "full_refresh")
        #expect(failures(both).isEmpty)
    }

    @Test func usesTheDefaultsThatProtectTheData() throws {
        let orders = try decode(step()).pipeline.loads[0]
        #expect(orders.writeMode == .upsert)
        #expect(orders.lookback == .time(.seconds(3_600)))
        #expect(orders.settle == .none)
        #expect(orders.cursor == Cursor(column: "updated_at"))
        #expect(orders.cursor?.onMissing == .raise)
        #expect(orders.maxShrink == 0.5)
        #expect(orders.schemaPolicy == .evolve)
        let replaced = try decode(step("write_mode: delete_insert")).pipeline.loads[0]
        #expect(replaced.lookback == .time(.seconds(3_600)))
        let appended = try decode(step(without: ["primary_key"])).pipeline.loads[0]
        #expect(appended.writeMode == .append)
        #expect(appended.lookback == .none)
        let numbered = try decode(step("strategy: sequence", "cursor: id")).pipeline.loads[0]
        #expect(numbered.writeMode == .upsert)
        #expect(numbered.lookback == .none)
        #expect(numbered.onGap == .warn)
        let keyless = try decode(step("strategy: sequence", "cursor: id", without: ["primary_key"])).pipeline.loads[0]
        #expect(keyless.writeMode == .append)
        let pipeline = try decode(step()).pipeline
        #expect(pipeline.retries == RetryPolicy())
        #expect(pipeline.timeout == nil)
    }

    @Test func keepsTheDocumentAsItWasWritten() throws {
        let document = try decode(step("lookback: 1h30m", "settle: 0s"), name: "orders")
        let step = document.json["steps"]?.array?[0]
        #expect(step?["lookback"] == "1h30m")
        #expect(step?["cursor"] == "updated_at")
        #expect(step?["write_mode"] == nil)
        let again = try DocumentDecoder.pipeline(JSONReader.read(Array(document.json.text().utf8)), name: nil)
        #expect(again == document)
    }

    @Test func theAddressFillsAMissingName() throws {
        let text = step().replacingFirst("name: orders\n", with: "")
        #expect(failures(text).map(\.field) == ["name"])
        let document = try decode(text, name: "sales")
        #expect(document.pipeline.name == "sales")
        #expect(document.json["name"] == "sales")
    }

    @Test func theAddressMustEqualAWrittenName() {
        let failure = failures(step(), name: "sales").first
        #expect(failure?.message == "the document is named `orders`, but it is addressed as `sales`")
        #expect(failure?.field == "name")
    }

    @Test func warnsWhereLateRowsWouldBeLost() throws {
        let document = try decode(step(without: ["primary_key"]))
        #expect(document.warnings.map(\.code) == ["late_rows"])
        #expect(try decode(step("settle: 1m", without: ["primary_key"])).warnings.isEmpty)
        #expect(try decode(step()).warnings.isEmpty)
    }

    @Test(arguments: [
        ("lookback: 0", Reach.none), ("lookback: 0s", .none), ("lookback: 2h", .time(.seconds(7_200))),
    ])
    func zeroLookbackIsNone(line: String, reach: Reach) throws {
        #expect(try decode(step(line)).pipeline.loads[0].lookback == reach)
    }

    @Test(arguments: [
        ("format: unix_seconds, initial: 1700000000", CursorValue.integer(1_700_000_000)),
        ("format: unix_millis, initial: 1.5", .real(1.5)), ("initial: 2024-02-29", .text("2024-02-29")),
        ("initial: 2024-01-01 10:00:00", .text("2024-01-01 10:00:00")),
        ("initial: \"2024-01-01T00:00:00.123+02:00\"", .text("2024-01-01T00:00:00.123+02:00")),
    ])
    func takesAFirstCursorValueInItsOwnForm(keys: String, value: CursorValue) throws {
        let pipeline = try decode(step("cursor: { column: t, \(keys) }")).pipeline
        #expect(pipeline.loads[0].cursor?.initial == value)
    }
}

extension String {
    /// The text with the first `part` replaced.
    func replacingFirst(_ part: String, with other: String) -> String {
        guard let range = firstRange(of: part) else { return self }
        return replacingCharacters(in: range, with: other)
    }

    private func replacingCharacters(in range: Range<String.Index>, with other: String) -> String {
        self[..<range.lowerBound] + other + self[range.upperBound...]
    }
}

extension LoadStep {
    fileprivate func with(_ change: (inout LoadStep) -> Void) -> LoadStep {
        var step = self
        change(&step)
        return step
    }
}
