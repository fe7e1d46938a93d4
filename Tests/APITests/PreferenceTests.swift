import Testing

@testable import API
@testable import HTTPServer

/// How long a client would rather wait.
struct PreferenceTests {
    @Test(arguments: [
        ("wait=10", 10), ("respond-async, wait=10", 10), ("Wait=10;x=1", 10), ("wait=\"10\"", 10), ("wait=0", 0),
        ("wait=9999999999999999999999", 60), ("wait=61", 60), ("wait=5, wait=9", 5), ("wait=-1", nil), ("wait=", nil),
        ("wait=1.5", nil), ("wait", nil), ("return=minimal", nil), ("", nil),
    ])
    func readsWhatIsWrittenAndNoMore(_ field: String, _ seconds: Int?) {
        #expect(Preference(["Prefer": field]).wait == seconds)
    }

    @Test func theFirstFieldCounts() {
        #expect(
            Preference(Headers([.init(name: "Prefer", value: "a"), .init(name: "prefer", value: "wait=3")])).wait == 3)
        #expect(Preference([:]).applied.isEmpty)
    }
}
