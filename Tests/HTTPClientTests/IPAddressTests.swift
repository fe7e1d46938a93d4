import Testing

@testable import HTTPClient

struct IPAddressTests {
    @Test(arguments: [
        "8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "192.167.0.1", "223.255.255.255",
        "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
    ])
    func isPublic(_ text: String) throws {
        #expect(try #require(IPAddress(text)).isPublic)
    }

    @Test(arguments: [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.8", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "::7f00:1", "100::1",
    ])
    func isNotPublic(_ text: String) throws {
        #expect(try !#require(IPAddress(text)).isPublic)
    }

    @Test(arguments: ["", "localhost", "1", "127.1", "0x7f.0.0.1", "1.2.3.4 ", "1.2.3.4/8", "[::1]", "fe80::1%eth0"])
    func readsNothingElse(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func aNetworkHoldsWhatBeginsAlike() throws {
        let network = try #require(IPNetwork("10.128.0.0/9"))
        #expect(network.contains(try #require(IPAddress("10.255.0.1"))))
        #expect(!network.contains(try #require(IPAddress("10.127.0.1"))))
        #expect(!network.contains(try #require(IPAddress("::ffff:10.255.0.1"))))
        let all = try #require(IPNetwork("0.0.0.0/0"))
        #expect(all.contains(try #require(IPAddress("255.1.2.3"))))
        let one = try #require(IPNetwork("::1"))
        #expect(one.prefix == 128)
        #expect(!one.contains(try #require(IPAddress("::2"))))
        for text in ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/+8", "ten/8", "::/129", "10.0.0.0/8/8"] {
            #expect(IPNetwork(text) == nil, "\(text)")
        }
    }

    @Test func aRulePermitsWhatIsAllowedInEachSpelling() throws {
        let rule = AddressRule(allowed: [try #require(IPNetwork("127.0.0.0/8"))])
        for text in ["127.0.0.1", "::ffff:127.0.0.1", "8.8.8.8"] {
            #expect(rule.permits(try #require(IPAddress(text))), "\(text)")
        }
        for text in ["10.0.0.1", "::1", "169.254.169.254"] {
            #expect(!rule.permits(try #require(IPAddress(text))), "\(text)")
        }
    }
}
