internal import HTTPServer
internal import Platform

/// How long a client would rather wait than be told to ask again: `Prefer: wait=N` (RFC 7240).
struct Preference: Sendable, Equatable {
    /// Whole seconds, cut at `Limits.preferWaitSeconds`; nil when the client does not say, or says nonsense.
    let wait: Int?

    /// Reads the header fields; what is not understood is left out, as the RFC asks.
    init(_ headers: Headers) {
        var wait: Int?
        for field in headers.all("Prefer") {
            for preference in field.split(separator: ",") {
                let token = preference.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
                guard token.lowercased().hasPrefix("wait=") else { continue }
                let digits = token.dropFirst(5).filter { $0 != "\"" }
                guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { continue }
                // The first one counts; digits past what fits mean as long as may be.
                wait = wait ?? min(Int(digits) ?? .max, Limits.preferWaitSeconds)
            }
        }
        self.wait = wait
    }

    /// The header field that tells the client that it was heard; none when it asked for nothing.
    var applied: [(name: String, value: String)] {
        wait.map { [("Preference-Applied", "wait=\($0)")] } ?? []
    }
}
