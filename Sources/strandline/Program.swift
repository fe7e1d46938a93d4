internal import Model

/// The program: finds the command that the words name, and runs it.
enum Program {
    private static let commands: [any Command.Type] = [
        ServeCommand.self, ApplyCommand.self, ValidateCommand.self, RunCommand.self, RunsCancelCommand.self,
        RunsRetryCommand.self, RunsCommand.self, LogsCommand.self,
        StatusCommand.self, PauseCommand.self, ResumeCommand.self, RollbackCommand.self, LedgerCommand.self,
        WatermarkGetCommand.self, WatermarkSetCommand.self, WatermarkHistoryCommand.self, WatermarkDeleteCommand.self,
        CaptureInstallCommand.self, CaptureRemoveCommand.self, CaptureStatusCommand.self, CaptureForgetCommand.self,
        AuditCommand.self, CompareCommand.self, BackfillCommand.self, BackfillsPauseCommand.self,
        BackfillsResumeCommand.self,
        BackfillsCancelCommand.self, BackfillsRetryCommand.self, BackfillsPublishCommand.self, BackfillsCommand.self,
        AdviseCommand.self, WebhooksTestCommand.self, WebhooksDeleteCommand.self, WebhooksCommand.self,
        DemoCommand.self, VersionCommand.self,
    ]

    /// Runs the command line `words`, the program's own name first.
    static func run(_ words: [String]) -> ExitCode {
        let terminal = Terminal()
        let words = Array(words.dropFirst())
        guard let first = words.first, first != "--help", first != "-h", first != "help" || words.count > 1 else {
            (words.isEmpty ? terminal.error : terminal.line)(overview)
            return words.isEmpty ? .usage : .success
        }
        if first == "--version" { return run(VersionCommand.self, [], terminal) }
        let isHelp = first == "help"
        let named = isHelp ? Array(words.dropFirst()) : words
        guard let (command, length) = find(named) else {
            if let group = group(named, isHelp: isHelp) {
                terminal.line(group)
                return .success
            }
            terminal.error("strandline: " + unknown(named))
            return .usage
        }
        if isHelp {
            terminal.write(command.form.help)
            return .success
        }
        return run(command, Array(named.dropFirst(length)), terminal)
    }

    private static func run(_ command: any Command.Type, _ words: [String], _ terminal: Terminal) -> ExitCode {
        if words.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
            terminal.write(command.form.help)
            return .success
        }
        var (arguments, problems) = ArgumentReader.read(words, by: command.form, environment: Environment.value)
        let instance = command.init(arguments, problems: &problems)
        guard problems.isEmpty else {
            for problem in problems { terminal.error("strandline \(command.form.name): \(problem)") }
            return .usage
        }
        do throws(CommandError) {
            return try instance.run(terminal)
        } catch {
            terminal.error("strandline \(command.form.name): \(error.message)")
            if !error.hint.isEmpty { terminal.error("  \(error.hint)") }
            return error.code
        }
    }

    /// The command whose words `words` begin with, and how many they are.
    private static func find(_ words: [String]) -> (command: any Command.Type, length: Int)? {
        for command in commands {
            let name = command.form.name.split(separator: " ").map(String.init)
            if words.starts(with: name) { return (command, name.count) }
        }
        return nil
    }

    /// The help of a group of commands, where that is asked for: `watermark --help`, `help watermark`.
    private static func group(_ words: [String], isHelp: Bool) -> String? {
        let asks = isHelp ? words.count == 1 : ["--help", "-h"].contains(words.dropFirst().first)
        guard asks, let first = words.first else { return nil }
        let members = commands.filter { $0.form.name.hasPrefix(first + " ") }
        guard !members.isEmpty else { return nil }
        return """
            Usage: strandline \(first) COMMAND [options]

            \(summaries(of: members))

            `strandline \(first) COMMAND --help` tells all about one.
            """
    }

    /// A line for each of some commands.
    private static func summaries(of commands: [any Command.Type]) -> String {
        let width = commands.map { $0.form.name.count }.max() ?? 0
        return commands.map { command in
            let name = command.form.name
            return "  " + name + String(repeating: " ", count: width - name.count + 2) + command.form.summary
        }.joined(separator: "\n")
    }

    private static func unknown(_ words: [String]) -> String {
        let first = words.first ?? ""
        let members = commands.map { $0.form.name }.filter { $0.hasPrefix(first + " ") }
        if !members.isEmpty {
            let verbs = members.map { String($0.dropFirst(first.count + 1)) }
            let nearest = words.count > 1 ? NearestName.find(words[1], among: verbs) : nil
            let hint =
                nearest.map { "did you mean `\(first) \($0)`?" } ?? "it is one of \(verbs.joined(separator: ", "))"
            return words.count > 1
                ? "`\(first)` has no command `\(words[1])`; \(hint)" : "`\(first)` needs a word after it; \(hint)"
        }
        let names = commands.map { String($0.form.name.prefix { $0 != " " }) }
        let nearest = NearestName.find(first, among: names)
        return "there is no command `\(first)`; "
            + (nearest.map { "did you mean `\($0)`?" } ?? "strandline --help lists them")
    }

    private static var overview: String {
        """
        strandline keeps tables up to date: it loads only what is new or changed.

        Usage: strandline COMMAND [options]

        \(summaries(of: commands))

        `strandline COMMAND --help` tells all about one.
        """
    }
}
