import Model
import Testing

struct CheckDocumentTests {
    private func checks(_ lines: String...) throws -> [Check] {
        let items = lines.map { "\n      - \($0)" }.joined()
        return try decode(step("checks:" + items)).pipeline.loads[0].checks
    }

    @Test func decodesEveryType() throws {
        let checks = try checks(
            "{ type: not_null, columns: [id, email], name: filled, severity: warn }",
            "{ type: unique, columns: email, on_fail: quarantine }",
            "{ type: accepted_values, column: state, values: [new, 1, 2.5, true] }",
            "{ type: range, column: total, min: 0, max: 1e6, on_fail: quarantine }",
            "{ type: range, column: day, min: \"2020-01-01\" }", "{ type: row_count, min: 1, max: 100 }",
            "{ type: row_count_delta, max_ratio: 5, min_ratio: 0.1, over_last: 10, severity: warn }",
            "{ type: freshness, max_age: 2d }",
            "{ type: freshness, column: seen_at, format: unix_millis, max_age: 90m }",
            "{ type: sql, name: sums, query: \"SELECT sum(total) FROM {delta}\", expect: null }")
        #expect(
            checks == [
                Check(name: "filled", rule: .notNull(["id", "email"]), severity: .warn),
                Check(name: "unique(email)", rule: .unique(["email"]), onFail: .quarantine),
                Check(
                    name: "accepted_values(state)",
                    rule: .acceptedValues(
                        column: "state", values: [.text("new"), .integer(1), .real(2.5), .integer(1)])),
                Check(
                    name: "range(total)", rule: .range(column: "total", min: .integer(0), max: .real(1e6)),
                    onFail: .quarantine),
                Check(name: "range(day)", rule: .range(column: "day", min: .text("2020-01-01"), max: nil)),
                Check(name: "row_count", rule: .rowCount(min: 1, max: 100)),
                Check(
                    name: "row_count_delta", rule: .rowCountDelta(minRatio: 0.1, maxRatio: 5, overLast: 10),
                    severity: .warn),
                Check(name: "freshness", rule: .freshness(column: nil, format: nil, maxAge: .seconds(172_800))),
                Check(
                    name: "freshness(seen_at)",
                    rule: .freshness(column: "seen_at", format: .unixMillis, maxAge: .seconds(5_400))),
                Check(name: "sums", rule: .sql(query: "SELECT sum(total) FROM {delta}", expect: nil)),
            ])
        #expect(try decode(step("checks: []")).pipeline.loads[0].checks.isEmpty)
    }

    @Test(
        arguments: [
            ("5", Failure.Code.invalidValue, "", "must be a mapping"),
            ("{ columns: [id] }", .missingKey, ".type", "Add one of not_null, unique"),
            ("{ type: notnull }", .invalidValue, ".type", "Did you mean `not_null`?"),
            ("{ type: not_null }", .missingKey, ".columns", "Add them"),
            ("{ type: not_null, columns: [] }", .invalidValue, ".columns", "Name the columns"),
            ("{ type: not_null, column: id }", .unknownKey, ".column", "Did you mean `columns`?"),
            ("{ type: not_null, columns: [id], severity: fatal }", .invalidValue, ".severity", "warn, error"),
            ("{ type: not_null, columns: [id], on_fail: drop }", .invalidValue, ".on_fail", "fail, quarantine"),
            (
                "{ type: not_null, columns: [id], on_fail: quarantine, severity: error }", .invalidValue, ".severity",
                "Remove one"
            ),
            ("{ type: row_count, min: 1, on_fail: quarantine }", .invalidValue, ".on_fail", "it goes with not_null"),
            ("{ type: accepted_values, values: [a] }", .missingKey, ".column", "Add the column"),
            ("{ type: accepted_values, column: a }", .missingKey, ".values", "Add the list"),
            ("{ type: accepted_values, column: a, values: [] }", .invalidValue, ".values", "1 to 1000"),
            ("{ type: accepted_values, column: a, values: [x, null] }", .invalidValue, ".values[1]", "not_null"),
            ("{ type: accepted_values, column: a, values: [[x]] }", .invalidValue, ".values[0]", "text or a number"),
            ("{ type: range, column: a }", .missingKey, ".min", "Add one of them"),
            ("{ type: range, column: a, min: 5, max: 4 }", .invalidValue, ".max", "Exchange them"),
            ("{ type: range, column: a, min: b, max: a }", .invalidValue, ".max", "Exchange them"),
            ("{ type: range, column: a, min: 5, max: b }", .invalidValue, ".max", "as the column has them"),
            ("{ type: range, column: a, min: true }", .invalidValue, ".min", "number or a text"),
            ("{ type: row_count }", .missingKey, ".min", "min: 1"),
            ("{ type: row_count, min: -1 }", .invalidValue, ".min", "at least 0"),
            ("{ type: row_count, min: 2, max: 1 }", .invalidValue, ".max", "Exchange them"),
            ("{ type: row_count_delta, max_ratio: 5 }", .missingKey, ".over_last", "how many"),
            ("{ type: row_count_delta, over_last: 5 }", .missingKey, ".max_ratio", "five times"),
            ("{ type: row_count_delta, over_last: 0, max_ratio: 2 }", .invalidValue, ".over_last", "from 1 to 500"),
            ("{ type: row_count_delta, over_last: 5, max_ratio: -2 }", .invalidValue, ".max_ratio", "at least 0"),
            (
                "{ type: row_count_delta, over_last: 5, max_ratio: 1, min_ratio: 2 }", .invalidValue, ".max_ratio",
                "Exchange them"
            ),
            ("{ type: freshness }", .missingKey, ".max_age", "2d"),
            ("{ type: freshness, max_age: 5 }", .invalidValue, ".max_age", "90s, 10m"),
            ("{ type: freshness, max_age: 1h, format: iso8601 }", .invalidValue, ".format", "Remove it"),
            ("{ type: sql, expect: 0 }", .missingKey, ".query", "{delta}"),
            ("{ type: sql, query: SELECT 1 }", .missingKey, ".expect", "must give"),
            ("{ type: sql, query: SELECT 1, expect: [1] }", .invalidValue, ".expect", "null"),
            ("{ type: not_null, columns: [id], name: \"\" }", .invalidValue, ".name", "empty"),
        ] as [(String, Failure.Code, String, String)])
    func refusesWhatItCannotCheck(item: String, code: Failure.Code, field: String, words: String) {
        let found = failures(step("checks:\n      - \(item)"))
        #expect(found.map(\.code) == [code], "\(item): \(found)")
        #expect(found.first?.field == "steps[0].checks[0]" + field)
        let text = (found.first?.message ?? "") + " " + (found.first?.hint ?? "")
        #expect(text.contains(words), "\(found)")
    }

    @Test func refusesChecksThatDoNotFitTheStep() {
        func refused(_ lines: String..., without: Set<String> = []) -> [String] {
            let text = lines.reduce("name: orders\nsteps:\n  - ") { $0 + $1 + "\n    " }
            return failures(text).compactMap(\.field)
        }
        let places = """
            name: orders
                source: { connection: shop, table: orders }
                destination: { connection: warehouse, table: orders }
            """
        let unique = "checks: [{ type: unique, columns: [email], on_fail: quarantine }]"
        #expect(
            refused(places, "strategy: timestamp", "cursor: updated_at", "write_mode: append", unique) == [
                "steps[0].checks[0].on_fail"
            ])
        #expect(refused(places, "strategy: snapshot_diff", unique) == ["steps[0].checks[0].on_fail"])
        #expect(refused(places, "strategy: full_refresh", unique) == [])
        #expect(
            refused(places, "strategy: full_refresh", "checks: [{ type: freshness, max_age: 1d }]") == [
                "steps[0].checks[0].column"
            ])
        #expect(
            refused(
                places, "strategy: full_refresh", "checks: [{ type: row_count, min: 1 }, { type: row_count, max: 2 }]")
                == ["steps[0].checks[1].name"])
        let email =
            "checks: [{ type: not_null, columns: [EMAIL] }, { type: freshness, column: loaded_at, max_age: 1d }]"
        #expect(
            refused(places, "strategy: full_refresh", "columns: { exclude: [email] }", email) == [
                "steps[0].columns.exclude"
            ])
        #expect(
            refused(places, "strategy: full_refresh", "columns: { include: [id] }", email) == [
                "steps[0].columns.include"
            ])
        let many = (0...100).map { "{ type: row_count, min: 1, name: c\($0) }" }.joined(separator: ", ")
        #expect(refused(places, "strategy: full_refresh", "checks: [\(many)]") == ["steps[0].checks"])
        #expect(refused(places, "strategy: full_refresh", "checks: { a: b }") == ["steps[0].checks"])
    }
}
