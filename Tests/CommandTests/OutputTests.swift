import Model
import Testing

@testable import strandline

struct OutputTests {
    @Test func columnsAreAsWideAsTheirLongestCell() {
        var table = Table("NAME", "ROWS>", "NOTE")
        table.add("orders", "7", "")
        table.add("a", "1 234", "x")
        #expect(table.text == "NAME     ROWS  NOTE\norders      7\na       1 234  x")
    }

    @Test func cellsCannotSteerTheTerminal() {
        var table = Table("A")
        table.add("x\u{1B}[31m\ny\u{202E}")
        #expect(table.text == "A\nx\\u{1b}[31m\\u{a}y\\u{202e}")
    }

    @Test(
        arguments: [
            (0, "0"), (7, "7"), (999, "999"), (1_000, "1 000"), (1_234_567, "1 234 567"), (-1_000, "-1 000"),
            (Int64.min, "-9 223 372 036 854 775 808"),
        ] as [(Int64, String)])
    func groupsDigits(number: Int64, text: String) {
        #expect(HumanText.count(number) == text)
    }

    @Test(arguments: [
        (0.0412, "0.041 s"), (0, "0.000 s"), (9.9999, "10.000 s"), (12.34, "12.3 s"), (600, "10 min"),
        (7_500, "2 h 5 min"), (-1, "0.000 s"),
    ])
    func writesSecondsWithTheDigitsThatMatter(seconds: Double, text: String) {
        #expect(HumanText.seconds(seconds) == text)
    }

    @Test func writesTimesAndCursors() {
        #expect(HumanText.time("2024-03-01T10:11:12.123456Z") == "2024-03-01 10:11:12Z")
        #expect(HumanText.time(nil) == "")
        #expect(HumanText.time("odd") == "odd")
        #expect(HumanText.cursor(nil) == "-")
        #expect(HumanText.cursor(.null) == "-")
        #expect(HumanText.cursor("2024") == "2024")
        #expect(HumanText.cursor(17) == "17")
    }

    @Test(arguments: [(0.0, 0), (0.5, 50), (0.999, 99), (1.0, 100), (7.0, 100), (-1.0, 0)])
    func theBarShowsItsShare(share: Double, percent: Int) {
        let text = ProgressBar.text(label: "orders", share: share, detail: "7 rows", columns: 80)
        #expect(text.contains(" \(percent) %  7 rows"))
        #expect(text.count < 80)
    }

    @Test(arguments: [1, 10, 20, 40, 200])
    func theBarFitsTheTerminal(columns: Int) {
        let label = String(repeating: "x", count: 30)
        #expect(ProgressBar.text(label: label, share: 0.5, detail: "1 row", columns: columns).count <= columns)
        #expect(ProgressBar.text(label: label, share: nil, detail: "1 row", columns: columns).count <= columns)
    }

    @Test func aRunShowsItsStepsWarningsAndErrors() throws {
        let run = try JSONValue(
            parsing: """
                {"id":"r1","pipeline":"shop","state":"failed","attempt":2,"duration_seconds":1.5,
                 "error":{"code":"locked","message":"it is locked","hint":"wait"},
                 "steps":[{"name":"orders","state":"failed","rows_read":1000,"watermark_after":"2024",
                 "warnings":[{"code":"w","message":"seven rows have no cursor"}],
                 "error":{"code":"locked","message":"it is locked","hint":"wait"}}]}
                """.utf8)
        let text = RunText.whole(run)
        #expect(text.hasPrefix("run r1 of shop: failed in 1.500 s, attempt 2\n"))
        #expect(text.contains("orders  failed  1 000"))
        #expect(text.contains("orders: warning: seven rows have no cursor"))
        #expect(text.components("it is locked. wait") == 1)
    }

    @Test func aFailedCheckIsToldOnceWithItsSamples() throws {
        let run = try JSONValue(
            parsing: """
                {"id":"r1","pipeline":"shop","state":"success","steps":[{"name":"orders","state":"success",
                 "warnings":[{"code":"check_failed","message":"check filled: 2 rows have a NULL in email"}],
                 "checks":[{"name":"filled","state":"failed","message":"2 rows have a NULL in email",
                 "samples":[{"id":4},{"id":7}]},{"name":"n","state":"passed","message":"9 rows were read","samples":[]}]}]}
                """.utf8)
        #expect(
            RunText.whole(run).hasSuffix(
                #"\norders: check filled failed: 2 rows have a NULL in email, such as {"id":4}, {"id":7}"#
                    .replacing(#"\n"#, with: "\n")))
        #expect(RunText.whole(run).components("NULL in email") == 1)
    }

    @Test func aManifestShowsBoundsTimesAndStatements() throws {
        let run = try JSONValue(
            parsing: """
                {"steps":[{"name":"orders","manifest":{"commits_omitted":0,"commits":[{"number":1,"attempt":2,
                 "at":"2024-04-01T08:00:00Z","bounds":{"cursor":"id","lower":3,"includes_lower":false,"upper":9,
                 "future":null,"includes_future":true,"includes_null":true},"cursor_rows":{"inside":6,"below":1200,
                 "above":0,"null":0,"unordered":0,"future":0,"lowest":4,"highest":9,"by_index":true},
                 "statements":[{"sql":"SELECT ?\\nFROM t","parameters":[{"value":3,"meaning":"the start"}]}],
                 "phases":[{"name":"open","seconds":0.002},{"name":"commit","seconds":0.5}]}]}},
                 {"name":"items","manifest":null},
                 {"name":"late","manifest":{"commits":[],"commits_omitted":0,"failed":{"number":1,"attempt":1,
                 "at":"2024-04-01T08:00:00Z","bounds":null,"cursor_rows":null,"statements":[{"sql":"SELECT 1",
                 "parameters":[]}],"phases":[{"name":"open","seconds":0}]}}}]}
                """.utf8)
        #expect(
            ManifestText.whole(run) == """
                orders, commit 1 of attempt 2 at 2024-04-01 08:00:00Z
                  read    id > 3 and id <= 9, also NULL
                  rows    6 inside, 1 200 below, 0 above, 0 null, 0 unordered, 0 future, lowest 4, highest 9 \
                (an index left out others)
                  time    open 0.002 s, commit 0.500 s
                  ran     SELECT ?
                          FROM t
                          with 3: the start
                items: no manifest is kept
                late, commit 1 of attempt 1 at 2024-04-01 08:00:00Z, which failed and was taken back
                  time    open 0.000 s
                  ran     SELECT 1
                """)
    }

    @Test func aProblemTellsEveryError() throws {
        let problem = try JSONValue(
            parsing: """
                {"status":422,"detail":"first (and 1 more)","hint":"do this","field":"a.b","errors":[
                 {"field":"a.b","detail":"first","hint":"do this"},{"field":null,"detail":"second","hint":null}]}
                """.utf8)
        let error = CommandError(problem: problem, status: 422)
        #expect(error.message == "the server refused it:\n  first [a.b]. do this\n  second")
        let single = try JSONValue(parsing: #"{"detail":"no such run","hint":"list them","field":"run"}"#.utf8)
        #expect(CommandError(problem: single, status: 404).message == "no such run [run]")
        #expect(CommandError(problem: single, status: 404).hint == "list them")
        #expect(CommandError(problem: .null, status: 502).message == "the server answered 502")
    }

    @Test func encodesPathsAndQueries() {
        #expect(ServerClient.encoded("a-b_c.9") == "a-b_c.9")
        #expect(ServerClient.encoded("a/b ?é&=") == "a%2Fb%20%3F%C3%A9%26%3D")
    }
}

extension String {
    /// How often `part` stands in the text.
    fileprivate func components(_ part: String) -> Int { ranges(of: part).count }

    @Test func showsHowFreshPipelinesAre() throws {
        func pipeline(_ name: String, _ status: String, _ more: String = "") throws -> JSONValue {
            try JSONValue(
                parsing: """
                    {"name":"\(name)","freshness_status":{"status":"\(status)","has_limits":true,"since":null,
                    "reason":"because\\u001b[2J"\(more)},"last_run":{"state":"failed"},"watermarks":[]}
                    """.utf8)
        }
        let limits = #","lag_seconds":7500.5,"warn_after_seconds":1800,"error_after_seconds":7200"#
        let pipelines = [
            try pipeline("orders", "stale", limits.replacing("null", with: "1")), try pipeline("items", "fresh"),
        ]
        let plain = StatusText(pipelines: pipelines, isColoured: false).text
        #expect(plain.hasPrefix("2 pipelines: 1 stale, 1 fresh\n\nPIPELINE  FRESHNESS  AGE"))
        #expect(plain.contains("orders    stale      [###|########] 2 h 5 min  failed"))
        #expect(plain.hasSuffix("\norders is stale: because\\u{1b}[2J") && !plain.contains("\u{1B}"))
        #expect(!plain.contains("items is"))
        let coloured = StatusText(pipelines: pipelines, isColoured: true).text
        #expect(coloured.contains("\u{1B}[31mstale\u{1B}[0m      [###|"))
        #expect(coloured.contains("\u{1B}[32mfresh\u{1B}[0m") && !coloured.contains("\u{1B}[2J"))
        #expect(StatusText(pipelines: [], isColoured: true).text.hasPrefix("no pipelines"))
    }

    @Test func anAgeIsABarAgainstItsLimits() throws {
        func age(_ lag: String, _ warn: String, _ error: String) throws -> String {
            StatusText.age(
                try JSONValue(
                    parsing: #"{"lag_seconds":\#(lag),"warn_after_seconds":\#(warn),"error_after_seconds":\#(error)}"#
                        .utf8))
        }
        #expect(try age("0", "1800", "7200") == "[---|--------] 0 s")
        #expect(try age("3600", "1800", "7200") == "[###|##------] 60 min")
        #expect(try age("90000", "3600", "null") == "[############] 25 h 0 min")
        #expect(try age("200000", "null", "null") == "2 d 7 h")
        #expect(try age("null", "1800", "7200") == "")
        #expect(try age("5", "7200", "7200") == "[------------] 5 s")
    }
}
