import Testing

@testable import HTTPClient

struct EventStreamParserTests {
    private func events(_ text: String, cutting size: Int = .max) -> ([ServerSentEvent], String?) {
        var parser = EventStreamParser()
        var (rest, found) = (Array(text.utf8)[...], [ServerSentEvent]())
        while !rest.isEmpty {
            found += parser.take(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        return (found, parser.lastID)
    }

    private static let text =
        "retry: 1000\nid: 7\n\n: a comment\n\nid: 8\nevent: run_finished\ndata: {\"a\":1}\n\n"
        + "data:one\r\ndata: two\r\n\r\nevent: x\rdata\r\rid: 9\n\nevent: nothing\n\ndata: unfinished\n"

    @Test(arguments: 1...12) func readsTheSameHoweverItIsCut(size: Int) {
        let (found, last) = events(EventStreamParserTests.text, cutting: size)
        #expect(
            found == [
                ServerSentEvent(kind: "run_finished", data: "{\"a\":1}", lastID: "8"),
                ServerSentEvent(kind: "message", data: "one\ntwo", lastID: "8"),
                ServerSentEvent(kind: "x", data: "", lastID: "8"),
            ])
        #expect(last == "9")
    }

    @Test func leavesOutWhatTheStandardLeavesOut() {
        #expect(events("\u{FEFF}id: 3\n\n").1 == "3")
        #expect(events("id: 3\n\nid: 4\0\n\n").1 == "3")
        #expect(events("id: 3\n\nid\n\n").1 == nil)
        #expect(events("unknown: x\nda ta: y\n\n").0.isEmpty)
    }
}
