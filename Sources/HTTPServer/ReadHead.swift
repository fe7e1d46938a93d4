internal import Platform

/// A request's head after it was read: what it says, and whether it may be served.
///
/// Whoever asks again and again over one connection sends the same head each time: such a one is read once.
final class ReadHead: Sendable {
    /// What was read.
    let raw: RawHead
    /// The method as text; it need not be one that the server knows.
    let method: String
    /// The target as text.
    let target: String
    /// The fields; none where they could not be told apart.
    let headers: Headers
    /// Where the body ends; nil where that is in doubt, so that nothing more may be read from the connection.
    let framing: Framing?
    /// Who answers, or why nobody does.
    let admission: Result<Admission, HTTPError>

    /// Reads a head, and checks it.
    init(_ raw: RawHead, _ service: Service) {
        self.raw = raw
        method = String(decoding: raw.method, as: UTF8.self)
        target = String(decoding: raw.target, as: UTF8.self)
        var framing: Framing?
        var headers = Headers()
        do throws(HTTPError) {
            let framed = try raw.framed()
            (headers, framing) = framed
            admission = .success(
                try Admission(
                    raw, headers, framed.framing, router: service.router, hosts: service.hosts,
                    conditions: service.conditions))
        } catch {
            admission = .failure(error)
        }
        self.headers = headers
        self.framing = framing
    }

    /// The head that a connection has sent: the one it sent before where that says the same, and nothing has changed by which
    /// it was judged.
    static func read(_ raw: RawHead, on link: Link, _ service: Service) -> ReadHead {
        if let last = link.lastHead, service.conditions == Admission.Conditions(), last.raw.isSame(as: raw) {
            return last
        }
        let head = ReadHead(raw, service)
        link.lastHead = head.isWorthKeeping ? head : nil
        return head
    }

    /// Whether it will do for the same head again; many connections may each keep one, so it must be small.
    private var isWorthKeeping: Bool {
        guard case .success(let admission) = admission, admission.method.isSafe else { return false }
        return raw.fields.reduce(raw.target.count) { $0 + $1.name.count + $1.value.count } <= Limits.keptHeadBytes
    }
}

extension RawHead {
    /// Whether both are the same bytes.
    fileprivate func isSame(as other: RawHead) -> Bool {
        target == other.target && method == other.method && version == other.version && isWhole == other.isWhole
            && fields.elementsEqual(other.fields) { $0.value == $1.value && $0.name == $1.name }
    }
}
