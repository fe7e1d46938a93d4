internal import Glibc

// C callbacks formed in this file would be bound to the main actor: everything else lives elsewhere.
exit(Program.run(CommandLine.arguments).rawValue)
