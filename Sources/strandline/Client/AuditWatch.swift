internal import HTTPClient
internal import Model

extension ServerClient {
    /// An audit as it ended.
    func end(ofAudit audit: JSONValue, _ terminal: Terminal) throws(CommandError) -> JSONValue {
        try WorkWatch(client: self, terminal: terminal, kind: "audit").end(
            of: audit, at: "/v1/audits/" + ServerClient.encoded(audit["id"]?.string ?? "")
        ) {
            AuditState(rawValue: $0["state"]?.string ?? "")?.isFinal == true
        } note: {
            $0.kind == "audit_finished"
        }
    }
}
