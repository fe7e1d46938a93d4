internal import CGnuTLS
internal import Platform

/// Signatures of messages as the Standard Webhooks specification has them: `v1,` and the base64 of an HMAC-SHA256 over
/// `id.timestamp.body`.
public enum MessageSignature {
    /// The value of the header `webhook-signature`: a signature with each key, a space between them, the newest key first.
    ///
    /// `timestamp` is in seconds since 1970. Nil where the library refuses, as it does without memory.
    public static func header(
        id: String, timestamp: Int64, body: some Sequence<UInt8>, keys: [[UInt8]]
    ) -> String? {
        let signed = Array("\(id).\(timestamp).".utf8) + body
        var signatures: [String] = []
        for key in keys {
            guard let code = authenticationCode(of: signed, key: key) else { return nil }
            signatures.append("v1," + Base64.encode(code))
        }
        return signatures.joined(separator: " ")
    }

    /// The HMAC-SHA256 of a message (RFC 2104); nil where the library refuses.
    static func authenticationCode(of message: [UInt8], key: [UInt8]) -> [UInt8]? {
        var code = [UInt8](repeating: 0, count: 32)
        let result = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key.count, message, message.count, &code)
        return result == 0 ? code : nil
    }
}
