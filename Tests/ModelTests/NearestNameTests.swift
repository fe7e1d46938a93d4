import Model
import Testing

struct NearestNameTests {
    private let keys = ["strategy", "cursor", "primary_key", "write_mode", "lookback", "settle", "name"]

    @Test(arguments: [
        ("stratgy", "strategy"), ("primary-key", "primary_key"), ("primarykey", "primary_key"),
        ("Cursor", "cursor"), ("lokback", "lookback"), ("writemode", "write_mode"), ("nmae", "name"),
        ("settel", "settle"),
    ])
    func findsTheOneThatWasMeant(typed: String, meant: String) {
        #expect(NearestName.find(typed, among: keys) == meant)
    }

    @Test(arguments: ["", "x", "partition_by", "zzzzzz", "foo", String(repeating: "cursor", count: 100)])
    func staysSilentWhenNoneIsNear(typed: String) {
        #expect(NearestName.find(typed, among: keys) == nil)
    }

    @Test func takesTheFirstOfEquallyNearOnes() {
        #expect(NearestName.find("warm", among: ["warn", "ward"]) == "warn")
    }

    @Test func knowsNothingAmongNothing() {
        #expect(NearestName.find("a", among: [String]()) == nil)
    }
}
