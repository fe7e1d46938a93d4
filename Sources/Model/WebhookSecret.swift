internal import Platform

/// What messages are signed with, as the Standard Webhooks specification writes it: `whsec_` and the base64 of the key.
public struct WebhookSecret: Sendable, Equatable {
    /// The bytes of the key.
    public let key: [UInt8]

    /// The bytes that a key may have.
    public static let lengths = 24...64
    private static let prefix = "whsec_"

    /// Reads a secret; nil for anything else.
    public init?(_ text: String) {
        guard text.hasPrefix(WebhookSecret.prefix),
            let key = Base64.decode(String(text.dropFirst(WebhookSecret.prefix.count))),
            WebhookSecret.lengths.contains(key.count)
        else { return nil }
        self.key = key
    }

    /// Makes a secret by chance.
    public init(using random: inout some RandomNumberGenerator) {
        key = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// The secret as it is written.
    public var text: String { WebhookSecret.prefix + Base64.encode(key) }

    /// Whether a text is the name of an environment variable and nothing else, as `${NAME}`.
    public static func isVariable(_ text: String) -> Bool {
        guard text.hasPrefix("${"), text.hasSuffix("}") else { return false }
        let name = text.dropFirst(2).dropLast()
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
        }
    }
}
