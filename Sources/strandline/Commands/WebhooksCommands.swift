internal import Model

/// `strandline webhooks`.
struct WebhooksCommand: Command {
    static let form = CommandForm(
        name: "webhooks", summary: "List webhooks, or show one with its last deliveries.",
        details: "A PUT to /v1/webhooks/{webhook} makes one, and so does `strandline apply`.",
        operands: [Operand(name: "WEBHOOK", isOptional: true)],
        options: [.value("limit", "N", "At most so many.", usual: "20")] + ServerClient.options)

    private let webhook: String?
    private let limit: Int
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        webhook = arguments.operand(0)
        limit = arguments.whole("limit", in: 1...100_000, usual: 20, &problems)
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        guard let webhook else {
            let webhooks = try client.list("/v1/webhooks", "webhooks", limit: limit)
            let json = JSONValue.object(["webhooks": .array(webhooks)])
            terminal.line(
                isJSON ? json.text(pretty: true) : webhooks.isEmpty ? "no webhooks" : WebhookText.table(webhooks))
            return .success
        }
        let path = "/v1/webhooks/" + ServerClient.encoded(webhook)
        let json = try client.get(path)
        let deliveries = try client.list(path + "/deliveries", "deliveries", limit: limit)
        terminal.line(
            isJSON
                ? JSONValue.object(["webhook": json, "deliveries": .array(deliveries)]).text(pretty: true)
                : WebhookText.whole(json, deliveries))
        return .success
    }
}

/// `strandline webhooks test`.
struct WebhooksTestCommand: Command {
    static let form = CommandForm(
        name: "webhooks test", summary: "Send a message to a webhook, and tell whether it arrived.",
        operands: [Operand(name: "WEBHOOK")], options: ServerClient.options)

    private let webhook: String
    private let isJSON: Bool
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        webhook = arguments.operand(0) ?? ""
        isJSON = arguments.flag("json")
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        let path = "/v1/webhooks/\(ServerClient.encoded(webhook))"
        let sent = try client.start(path + "/test", body: .object([]), terminal)
        let place = "\(path)/deliveries/\(ServerClient.encoded(sent["id"]?.string ?? ""))"
        let delivery = try Follow(client: client, terminal: terminal).end(of: sent, at: place) {
            $0["attempts"]?.integer ?? 0 > 0 || $0["state"]?.string != "pending"
        }
        terminal.line(isJSON ? delivery.text(pretty: true) : WebhookText.outcome(delivery))
        return delivery["state"]?.string == "delivered" ? .success : .failure
    }
}

/// `strandline webhooks delete`.
struct WebhooksDeleteCommand: Command {
    static let form = CommandForm(
        name: "webhooks delete", summary: "Remove a webhook, and what waits for it.",
        operands: [Operand(name: "WEBHOOK")], options: ServerClient.options)

    private let webhook: String
    private let client: ServerClient

    init(_ arguments: Arguments, problems: inout [String]) {
        webhook = arguments.operand(0) ?? ""
        client = ServerClient(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        _ = try client.send("DELETE", "/v1/webhooks/\(ServerClient.encoded(webhook))")
        terminal.line("webhook \(webhook) deleted")
        return .success
    }
}
