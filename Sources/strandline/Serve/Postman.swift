internal import Engine
internal import HTTPClient
internal import Platform
internal import Signing

/// Posts messages over the network, signed as the Standard Webhooks specification says.
struct Postman: LetterPosting {
    private let web: WebPost

    /// Makes a postman who connects to public addresses, and to those in `allowed`.
    init(allowed: [IPNetwork]) {
        web = WebPost(rule: AddressRule(allowed: allowed))
    }

    func post(_ letter: Letter, stop: StopToken) -> PostOutcome {
        switch letter.receiver {
        case .webhook(let url, let keys): return post(letter, url, keys, stop)
        case .lineage: return .failed("no receiver of lineage events is set")
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
