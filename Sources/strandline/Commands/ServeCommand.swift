internal import Glibc
internal import Model
internal import Platform

/// `strandline serve`.
struct ServeCommand: Command {
    static let form = CommandForm(
        name: "serve", summary: "Run the server.",
        details: """
            SIGTERM and SIGINT stop it in good order: runs in hand finish, or go back to the queue after
            --stop-timeout; a second signal ends it at once. SIGHUP reads --config-dir again.
            """,
        options: Configuration.options)

    private let configuration: Configuration

    init(_ arguments: Arguments, problems: inout [String]) {
        configuration = Configuration(arguments, problems: &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        Signals.block()
        let log = Log(level: configuration.logLevel, format: configuration.logFormat)
        let server = try Server(configuration, environment: Environment.all, log: log)
        try server.start()
        terminal.line("strandline is ready at \(server.url)")
        log.info("ready", ["url": server.url, "version": VersionCommand.program])
        while Signals.next() == .reload { server.reload() }
        log.info("stopping", ["within": DurationText.format(configuration.stopTime)])
        Thread.start(name: "second signal") {
            while Signals.next() == .reload {}
            // What is in hand is taken up by the next start, as after a crash.
            log.warn("stopped at once by a second signal")
            _exit(ExitCode.failure.rawValue)
        }
        server.stop()
        log.info("stopped")
        return .success
    }
}
