internal import Model

extension ServerClient {
    /// An audit as it ended.
    func end(ofAudit audit: JSONValue, _ terminal: Terminal) throws(CommandError) -> JSONValue {
        try Follow(client: self, terminal: terminal).end(
            of: audit, at: "/v1/audits/" + ServerClient.encoded(audit["id"]?.string ?? ""),
            isEnded: { AuditState(rawValue: $0["state"]?.string ?? "")?.isFinal == true })
    }
}
