import Platform
import Testing

@testable import Signing

struct MessageSignatureTests {
    private func bytes(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.utf8.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
    }

    /// RFC 4231, section 4.
    @Test(arguments: [
        (
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            String(repeating: "aa", count: 131),
            "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func isTheCodeOfTheStandard(_ key: String, _ message: String, _ code: String) {
        #expect(MessageSignature.authenticationCode(of: bytes(message), key: bytes(key)) == bytes(code))
    }

    /// The example of the Standard Webhooks libraries.
    @Test func signsAsTheSpecificationSays() throws {
        let key = try #require(Base64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let header = MessageSignature.header(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8),
            keys: [key])
        #expect(header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func everyKeySignsOnItsOwn() throws {
        let body = Array("{}".utf8)
        func header(_ keys: [[UInt8]]) -> String? {
            MessageSignature.header(id: "a", timestamp: 1, body: body, keys: keys)
        }
        let both = try #require(header([[1], [2]]))
        #expect(both == "\(header([[1]]) ?? "") \(header([[2]]) ?? "")")
    }

    @Test func everyByteCounts() {
        func header(_ id: String, _ timestamp: Int64, _ body: String) -> String? {
            MessageSignature.header(id: id, timestamp: timestamp, body: Array(body.utf8), keys: [[7]])
        }
        let all = [header("a", 1, "{}"), header("b", 1, "{}"), header("a", 2, "{}"), header("a", 1, "{} ")]
        #expect(Set(all).count == 4)
    }
}
