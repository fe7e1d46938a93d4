/// How a request says where its body ends.
struct Framing: Sendable, Hashable {
    /// The announced length in bytes; nil without a `Content-Length`.
    let length: Int?
    /// Whether the body comes in chunks, its length unknown.
    let isChunked: Bool
    /// Whether the client waits for leave before it sends the body.
    let expectsContinue: Bool

    /// Whether a body follows the head.
    var announcesBody: Bool { isChunked || (length ?? 0) > 0 }

    /// Reads the framing; anything two parsers could read in two ways is refused, as requests are smuggled that way.
    init(_ headers: Headers, version: String) throws(HTTPError) {
        let lengths = headers.all("Content-Length")
        let codings = headers.all("Transfer-Encoding")
        guard lengths.count <= 1 else {
            throw .badRequest("The request has \(lengths.count) Content-Length headers; send one.")
        }
        guard codings.count <= 1 else {
            throw .badRequest("The request has \(codings.count) Transfer-Encoding headers; send one.")
        }
        guard lengths.isEmpty || codings.isEmpty else {
            throw .badRequest("The request has both Content-Length and Transfer-Encoding; send one of them.")
        }
        if let coding = codings.first {
            guard version == "HTTP/1.1" else {
                throw .badRequest("Transfer-Encoding belongs to HTTP/1.1; send a Content-Length.")
            }
            guard equalsIgnoringCase(coding, "chunked") else {
                throw .notImplemented("The only transfer coding this server knows is 'chunked'.")
            }
        }
        isChunked = !codings.isEmpty
        length = try lengths.first.map { (text) throws(HTTPError) in
            guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let length = Int(text) else {
                throw .badRequest("The Content-Length '\(text)' is not a number of bytes.")
            }
            return length
        }
        let expectations = headers.all("Expect")
        if let other = expectations.first(where: { !equalsIgnoringCase($0, "100-continue") }) {
            throw .expectationFailed(other)
        }
        expectsContinue = !expectations.isEmpty
    }
}
