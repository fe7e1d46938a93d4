internal import Model

/// Webhooks and deliveries as people read them, from the server's answers.
enum WebhookText {
    /// A line for each webhook.
    static func table(_ webhooks: [JSONValue]) -> String {
        var table = Table("WEBHOOK", "STATE", "EVENTS", "PIPELINES", "WAITING>", "URL")
        for webhook in webhooks {
            table.add(
                webhook["name"]?.string ?? "", webhook["state"]?.string ?? "", words(webhook["events"]),
                words(webhook["pipelines"]), HumanText.count(webhook["pending"]?.integer),
                webhook["url"]?.string ?? "")
        }
        return table.text
    }

    /// One webhook and its last deliveries.
    static func whole(_ webhook: JSONValue, _ deliveries: [JSONValue]) -> String {
        var lines = [table([webhook])]
        if let reason = webhook["disabled_reason"]?.string {
            lines.append("disabled, since " + Terminal.safe(reason))
        }
        if let dropped = webhook["dropped"]?.integer, dropped > 0 {
            lines.append("\(dropped) messages were given up because too many waited")
        }
        guard !deliveries.isEmpty else { return lines.joined(separator: "\n") + "\nno deliveries" }
        var table = Table("DELIVERY", "TYPE", "PIPELINE", "STATE", "ATTEMPTS>", "SENT", "ERROR")
        for delivery in deliveries {
            table.add(
                delivery["id"]?.string ?? "", delivery["type"]?.string ?? "", delivery["pipeline"]?.string ?? "",
                delivery["state"]?.string ?? "", HumanText.count(delivery["attempts"]?.integer),
                HumanText.time(delivery["created_at"]?.string ?? ""), delivery["error"]?.string ?? "")
        }
        return (lines + ["", table.text]).joined(separator: "\n")
    }

    /// What became of one message.
    static func outcome(_ delivery: JSONValue) -> String {
        let name = "message \(delivery["id"]?.string ?? "") to \(delivery["webhook"]?.string ?? "")"
        let seconds = delivery["duration_seconds"]?.double.map { " in \(HumanText.seconds($0))" } ?? ""
        guard delivery["state"]?.string != "delivered" else {
            return "\(name): delivered\(seconds), answered \(delivery["status"]?.integer ?? 0)"
        }
        let next = delivery["next_attempt_at"]?.string.map { "; tried again at \($0)" } ?? ""
        return Terminal.safe("\(name): not delivered: \(delivery["error"]?.string ?? "no answer")\(next)")
    }

    private static func words(_ list: JSONValue?) -> String {
        let words = (list?.array ?? []).compactMap(\.string)
        return words.isEmpty ? "all" : words.joined(separator: ", ")
    }
}
