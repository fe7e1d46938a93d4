internal import HTTPClient
internal import Platform

/// What `strandline serve` is told: flags over environment over defaults.
struct Configuration: Sendable {
    /// Where it listens.
    var listen: ListenAddress
    /// The directory of the control database.
    var stateDirectory: String
    /// The directory of documents that are applied at the start; nil when there is none.
    var configDirectory: String?
    /// The directories under which sources and destinations must lie.
    var dataRoots: [String]
    /// The directory of the pages.
    var publicDirectory: String
    /// Worker threads.
    var workers: Int
    /// Names the server answers for besides the loopback names.
    var allowedHosts: [String]
    /// Networks that webhooks may reach beside public addresses.
    var webhookNetworks: [IPNetwork]
    /// Who gets lineage events; nil when nobody does.
    var lineage: LineageReceiver?
    /// The namespace of the jobs in them.
    var lineageNamespace: String
    /// How a line of the log looks.
    var logFormat: Log.Format
    /// The least level of the log.
    var logLevel: Log.Level
    /// How long a stop waits for runs in hand before it interrupts them.
    var stopTime: Duration
    /// Rows of one commit of a large load.
    var rowsPerCommit: Int

    /// The options of `serve`; each also has an environment variable.
    static let options: [Option] = [
        .value(
            "listen", "ADDRESS:PORT", "Where to listen; port 0 takes any free one.", usual: "127.0.0.1:8080",
            variable: "STRANDLINE_LISTEN"),
        .value(
            "state-dir", "DIR", "Where the server keeps its own state.", usual: "./strandline-data",
            variable: "STRANDLINE_STATE_DIR"),
        .value(
            "config-dir", "DIR", "Documents to apply at the start and at SIGHUP.",
            usual: "./pipelines where there is one", variable: "STRANDLINE_CONFIG_DIR"),
        .value(
            "data-root", "DIR", "Where sources and destinations must lie; relative paths start at the first.",
            usual: ".", isRepeatable: true, variable: "STRANDLINE_DATA_ROOT"),
        .value(
            "public", "DIR", "The pages that are served at /.", usual: "./public", variable: "STRANDLINE_PUBLIC"),
        .value(
            "workers", "N", "Runs in hand at a time.", usual: String(Limits.workers), variable: "STRANDLINE_WORKERS"),
        .value(
            "allowed-host", "HOST", "Another name that requests may be addressed to, with or without a port.",
            isRepeatable: true, variable: "STRANDLINE_ALLOWED_HOST"),
        .value(
            "allowed-webhook-network", "NETWORK",
            "A private address or network that webhooks may reach, such as 10.0.0.0/8.", isRepeatable: true,
            variable: "STRANDLINE_ALLOWED_WEBHOOK_NETWORK"),
        .value(
            "openlineage", "URL|FILE", "Who gets OpenLineage events of runs: an address, or a file of a line each.",
            variable: "STRANDLINE_OPENLINEAGE"),
        .value(
            "openlineage-namespace", "NAME", "The namespace of the jobs in them.", usual: "strandline",
            variable: "STRANDLINE_OPENLINEAGE_NAMESPACE"),
        .flag("insecure", "Listen on an address that other machines reach.", variable: "STRANDLINE_INSECURE"),
        .value("log-format", "text|json", "How the log looks.", usual: "text", variable: "STRANDLINE_LOG_FORMAT"),
        .value(
            "log-level", "LEVEL", "The least that is logged: debug, info, warn or error.", usual: "info",
            variable: "STRANDLINE_LOG_LEVEL"),
        .value(
            "stop-timeout", "TIME", "How long SIGTERM waits for runs in hand.", usual: "20s",
            variable: "STRANDLINE_STOP_TIMEOUT"),
        .value(
            "rows-per-commit", "N", "Rows of one commit of a large load.", usual: String(Limits.rowsPerCommit),
            variable: "STRANDLINE_ROWS_PER_COMMIT"),
    ]

    /// Reads the arguments of `serve`, noting everything that is wrong; what is wrong keeps its default.
    init(_ arguments: Arguments, problems: inout [String]) {
        listen = Configuration.listen(arguments, &problems)
        stateDirectory = Configuration.directory("state-dir", arguments, usual: "./strandline-data", &problems)
        publicDirectory = Configuration.directory("public", arguments, usual: "./public", &problems)
        let configured = arguments.value("config-dir")
        configDirectory = configured?.value ?? (FileText.isDirectory("./pipelines") ? "./pipelines" : nil)
        dataRoots = arguments.texts("data-root").isEmpty ? ["."] : arguments.texts("data-root")
        workers = arguments.whole("workers", in: 1...Limits.maximumWorkers, usual: Limits.workers, &problems)
        allowedHosts = arguments.texts("allowed-host")
        webhookNetworks = Configuration.networks(arguments, &problems)
        lineage = Configuration.lineage(arguments, &problems)
        lineageNamespace = arguments.text("openlineage-namespace") ?? "strandline"
        if !(1...Limits.lineageNamespaceBytes).contains(lineageNamespace.utf8.count) {
            problems.append(
                "--openlineage-namespace must have 1 to \(Limits.lineageNamespaceBytes) bytes, such as warehouse")
        }
        let format = arguments.word("log-format", of: ["text", "json"], usual: "text", &problems)
        logFormat = Log.Format(rawValue: format) ?? .text
        let levels = Log.Level.allCases.map { "\($0)" }
        let level = arguments.word("log-level", of: levels, usual: "info", &problems)
        logLevel = Log.Level.allCases.first { "\($0)" == level } ?? .info
        stopTime = arguments.duration(
            "stop-timeout", in: .zero...Limits.longestStopTime, usual: Limits.stopTime, &problems)
        rowsPerCommit = arguments.whole(
            "rows-per-commit", in: 1...Limits.mostRowsPerCommit, usual: Limits.rowsPerCommit, &problems)
        checkDirectories(arguments, &problems)
        for host in allowedHosts where host.isEmpty || host.contains("/") || host.contains(" ") {
            problems.append("--allowed-host is `\(host)`; it takes a name such as loads.example.org, without http://")
        }
    }

    private static func listen(_ arguments: Arguments, _ problems: inout [String]) -> ListenAddress {
        let usual = ListenAddress(host: "127.0.0.1", port: 8080)
        guard let given = arguments.value("listen") else { return usual }
        guard let address = ListenAddress(given.value) else {
            problems.append(
                "\(given.origin) is `\(given.value)`; it takes an IP address and a port such as 127.0.0.1:8080 or "
                    + "[::1]:8080")
            return usual
        }
        guard address.isLoopback || arguments.flag("insecure") else {
            problems.append(
                "\(given.origin) \(given.value) would let every machine that reaches this one read and change your "
                    + "data, for the server asks nobody who they are; listen on 127.0.0.1, or add --insecure if "
                    + "something in front keeps strangers out")
            return usual
        }
        return address
    }

    private static func networks(_ arguments: Arguments, _ problems: inout [String]) -> [IPNetwork] {
        arguments.texts("allowed-webhook-network").compactMap { text in
            let network = IPNetwork(text)
            if network == nil {
                problems.append(
                    "--allowed-webhook-network is `\(text)`; it takes an address or a network such as 10.0.0.0/8")
            }
            return network
        }
    }

    private static func lineage(_ arguments: Arguments, _ problems: inout [String]) -> LineageReceiver? {
        guard let given = arguments.value("openlineage") else { return nil }
        let (receiver, fault) = LineageReceiver.read(given.value)
        // The address is not shown: it may hold a secret.
        if let fault { problems.append("\(given.origin) names no receiver of lineage events: \(fault)") }
        return receiver
    }

    private static func directory(
        _ name: String, _ arguments: Arguments, usual: String, _ problems: inout [String]
    ) -> String {
        guard let given = arguments.value(name) else { return usual }
        guard !given.value.isEmpty else {
            problems.append("\(given.origin) is empty; it takes a directory")
            return usual
        }
        return given.value
    }

    private func checkDirectories(_ arguments: Arguments, _ problems: inout [String]) {
        for name in ["config-dir", "public"] {
            guard let given = arguments.value(name), !FileText.isDirectory(given.value) else { continue }
            problems.append("\(given.origin) is `\(given.value)`, which is no directory")
        }
        for root in dataRoots where !FileText.isDirectory(root) {
            problems.append("--data-root is `\(root)`, which is no directory; make it or name another")
        }
    }
}
