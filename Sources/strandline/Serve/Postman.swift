internal import Engine
internal import HTTPClient
internal import Platform
internal import Signing

/// Posts messages over the network, signed as the Standard Webhooks specification says, and lineage events to where they
/// are wanted.
struct Postman: LetterPosting {
    private let web: WebPost
    private let lineage: LineageReceiver?
    private let lineageKey: String?

    /// Makes a postman who connects to public addresses, and to those in `allowed`. `lineage` gets lineage events
    /// wherever it is, with `lineageKey` as its bearer token.
    init(allowed: [IPNetwork], lineage: LineageReceiver? = nil, lineageKey: String? = nil) {
        web = WebPost(rule: AddressRule(allowed: allowed))
        self.lineage = lineage
        self.lineageKey = lineageKey
    }

    func post(_ letter: Letter, stop: StopToken) -> PostOutcome {
        switch letter.receiver {
        case .webhook(let url, let keys): return post(letter, url, keys, stop)
        case .lineage: return postLineage(letter, stop)
        }
    }

    private func postLineage(_ letter: Letter, _ stop: StopToken) -> PostOutcome {
        switch lineage {
        case nil: return .failed("no receiver of lineage events is set; serve --openlineage sets one")
        case .file(let path):
            if let reason = LineFile(path: path).add(letter.body) { return .failed(reason) }
            return .answered(status: 200, retryAfter: nil)
        case .url(let url):
            let headers = lineageKey.map { [("Authorization", "Bearer " + $0)] } ?? []
            return Postman.outcome { () throws(WebPost.Refusal) in
                try WebPost(rule: nil).send(url, headers: headers, body: Array(letter.body.utf8)) {
                    stop.reason != nil
                }
            }
        }
    }

    private func post(_ letter: Letter, _ url: String, _ keys: [[UInt8]], _ stop: StopToken) -> PostOutcome {
        let body = Array(letter.body.utf8)
        // The time of the attempt, not of what it tells: a receiver refuses old ones, lest they be played again.
        let seconds = letter.time.microseconds / 1_000_000
        guard
            let signature = MessageSignature.header(id: letter.message, timestamp: seconds, body: body, keys: keys)
        else { return .failed("the message could not be signed") }
        let headers = [
            ("webhook-id", letter.message), ("webhook-timestamp", String(seconds)), ("webhook-signature", signature),
        ]
        return Postman.outcome { () throws(WebPost.Refusal) in
            try web.send(url, headers: headers, body: body) { stop.reason != nil }
        }
    }

    private static func outcome(_ send: () throws(WebPost.Refusal) -> WebPost.Answer) -> PostOutcome {
        do throws(WebPost.Refusal) {
            let answer = try send()
            return .answered(
                status: answer.status,
                retryAfter: answer.retryAfterSeconds.map { .seconds(min($0, 86_400)) })
        } catch {
            return .failed(error.cause)
        }
    }
}
