internal import Glibc
internal import Platform
internal import SQLite

/// `strandline demo`.
struct DemoCommand: Command {
    static let form = CommandForm(
        name: "demo", summary: "Make a demo source database, and keep it changing.",
        details: """
            Makes DIR/shop.db, a web shop with \(DemoShop.customers) customers and \(DemoShop.orders) orders,
            and the documents of pipelines over it in DIR/pipelines. Files that are there already are
            kept. With --live it then adds and changes orders until it is stopped by a signal.
            """,
        operands: [Operand(name: "DIR")],
        options: [
            .flag("live", "Keep changing the shop until stopped."),
            .value("rate", "N", "New orders a second with --live.", usual: "5"),
        ])

    private let directory: String
    private let isLive: Bool
    private let rate: Int

    init(_ arguments: Arguments, problems: inout [String]) {
        directory = arguments.operand(0) ?? ""
        isLive = arguments.flag("live")
        rate = arguments.whole("rate", in: 1...10_000, usual: 5, &problems)
    }

    func run(_ terminal: Terminal) throws(CommandError) -> ExitCode {
        if isLive { Signals.block() }
        let shop = directory + "/shop.db"
        try makeDirectory(directory)
        try makeDirectory(directory + "/pipelines")
        try makeShop(shop, terminal)
        for document in DemoDocuments.all {
            try make(directory + "/pipelines/" + document.name, of: document.text, terminal)
        }
        guard isLive else {
            terminal.line("serve it with: cd \(directory) && strandline serve")
            return .success
        }
        do throws(SQLiteError) {
            try keepChanging(shop, terminal)
        } catch {
            throw CommandError(message: "cannot change \(shop): \(error.message)")
        }
        return .success
    }

    private func makeDirectory(_ path: String) throws(CommandError) {
        guard mkdir(path, 0o777) == 0 || FileText.isDirectory(path) else {
            throw CommandError(message: "cannot make the directory \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Makes the shop beside its place and moves it there, so that a half-made one is never taken for the shop.
    private func makeShop(_ path: String, _ terminal: Terminal) throws(CommandError) {
        guard access(path, F_OK) != 0 else { return }
        let draft = path + ".\(getpid()).tmp"
        defer {
            for ending in ["", "-wal", "-shm"] { unlink(draft + ending) }
        }
        do throws(SQLiteError) {
            try DemoShop.make(at: draft)
        } catch {
            throw CommandError(message: "cannot make \(path): \(error.message)")
        }
        guard rename(draft, path) == 0 else {
            throw CommandError(message: "cannot make \(path): \(String(cString: strerror(errno)))")
        }
        terminal.line("made \(path): \(DemoShop.customers) customers, \(DemoShop.orders) orders")
    }

    private func make(_ path: String, of bytes: [UInt8], _ terminal: Terminal) throws(CommandError) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        if file < 0 && errno == EEXIST { return }
        guard file >= 0, write(file, bytes, bytes.count) == bytes.count else {
            throw CommandError(message: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        close(file)
        terminal.line("made \(path)")
    }

    private func keepChanging(_ path: String, _ terminal: Terminal) throws(SQLiteError) {
        let stopped = Monitor(false)
        Thread.start(name: "signals") {
            _ = Signals.next()
            stopped.update { $0 = true }
        }
        let traffic = try DemoTraffic(path: path)
        defer { traffic.close() }
        terminal.line("changing \(path), \(rate) new orders a second; stop with Ctrl-C")
        while stopped.wait(upTo: .seconds(1), for: { $0 ? true : nil }) == nil {
            do throws(SQLiteError) {
                try traffic.step(count: rate)
            } catch  where error.isBusy {
                // Someone else writes the shop; the next second is as good.
                continue
            }
        }
    }
}
