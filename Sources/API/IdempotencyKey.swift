internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// The key that makes a repeated request do its work once, with what tells the request from others.
struct IdempotencyKey: Sendable, Equatable {
    /// The key.
    let text: String
    /// A check sum of method, target, precondition and body.
    let fingerprint: String

    /// Reads the header field, quoted or bare; nil when there is none.
    init?(_ request: Request) throws(Problem) {
        let fields = request.headers.all("Idempotency-Key")
        guard let field = fields.first else { return nil }
        var text = field
        if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = String(text.dropFirst().dropLast()) }
        guard fields.count == 1, (1...Limits.idempotencyKeyBytes).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 })
        else {
            throw Problem(
                400, "invalid_header",
                "The Idempotency-Key is not one word of 1 to \(Limits.idempotencyKeyBytes) characters.",
                hint: "Send a new random identifier for each piece of work, such as a UUID.", field: "Idempotency-Key")
        }
        self.text = text
        var sum = CheckSum(request.body)
        let head =
            [request.method.rawValue, request.rawTarget] + request.headers.all("If-Match")
            + request.headers.all("If-None-Match")
        for part in head {
            sum.add([0])
            sum.add(part.utf8)
        }
        fingerprint = "\(sum.text)-\(request.body.count)"
    }

    /// Another request came with the key before.
    static let mismatch = Problem(
        Failure(
            .idempotencyMismatch, "the Idempotency-Key was used before by a request that differs from this one",
            hint: "repeat a request exactly as it was, or use a new key"))

    /// The request that brought the key first is not done.
    static var inProgress: Problem {
        Problem(
            409, "idempotency_in_progress", "The first request with this Idempotency-Key is still being carried out.",
            hint: "Repeat the request in a second.", headers: [("Retry-After", "1")])
    }
}

extension StoredAnswer {
    /// An answer as it is kept with a key.
    init(_ answer: Answer, pretty: Bool) {
        let response = answer.response(pretty: pretty)
        let headers = answer.headers.map { JSONValue.array([.string($0.name), .string($0.value)]) }
        self.init(status: response.status, headers: JSONValue.array(headers).text(), body: response.body)
    }

    /// The kept answer as it is given again.
    var replayed: Answer {
        var fields: [(name: String, value: String)] = []
        // What the store kept is what was written there; a header that cannot be read is left out.
        let kept = (try? JSONValue(parsing: headers.utf8))?.array ?? []
        for field in kept {
            if let pair = field.array, pair.count == 2, let name = pair[0].string, let value = pair[1].string {
                fields.append((name, value))
            }
        }
        if !body.isEmpty, !fields.contains(where: { $0.name == "Content-Type" }) {
            fields.insert(("Content-Type", "application/json"), at: 0)
        }
        fields.append(("Idempotency-Replayed", "true"))
        return Answer(status, body.isEmpty ? .none : .bytes(body), headers: fields)
    }
}
