import Model
import SQLite

/// The life of a source and of the step that loads it: how the step is set up, and what happens one after another.
///
/// A plain value made from a seed, so that a failing one can be cut down to what it takes to fail.
struct Story: CustomStringConvertible {
    /// How the step is set up.
    struct Plot: CustomStringConvertible {
        var strategy: Strategy
        var mode: WriteMode
        var lookback: Int
        var detectsDeletes: Bool
        var marksDeletes: Bool
        var maxShrink: Double
        /// The source's table, and an index on its cursor where it has one.
        var table: String
        var index: String
        var isQuery: Bool

        var description: String {
            "\(strategy) \(mode) lookback \(lookback) detects \(detectsDeletes) marks \(marksDeletes) "
                + "max_shrink \(maxShrink) (\(table); \(index) query \(isQuery)"
        }
    }

    /// One thing that happens.
    enum Move {
        /// A row is written at a place: a new one, or another version.
        case put(key: Int, place: Int, payload: Int)
        /// A row's payload changes, but not its place, so that no cursor can tell.
        case touch(key: Int, payload: Int)
        case delete(key: Int)
        case clear
        /// The step is run to its end.
        case run(rowsPerCommit: Int, fullRefresh: Bool, allowShrink: Bool)
        /// The step is run and stopped after so many commits; then it is left, or tried again as the same run.
        case crash(rowsPerCommit: Int, commits: Int, retries: Bool)
        /// A person sets the watermark back by so much.
        case rewind(by: Int)
        /// A person removes the watermark.
        case forget
        /// A person rolls the last run back that was not yet.
        case rollback
    }

    let seed: UInt64
    let plot: Plot
    var moves: [Move]

    /// Makes up a story of so many moves.
    init(seed: UInt64, moves count: Int) {
        var random = Seeded(seed)
        self.seed = seed
        plot = Plot(seed, &random)
        let plot = plot
        var clock = 1_000
        moves = (0..<count).map { _ in Move(plot, &clock, &random) }
    }

    var description: String {
        "seed \(seed): \(plot)\n" + moves.map { "  \($0)" }.joined(separator: "\n")
    }
}

extension Story.Plot {
    fileprivate init(_ seed: UInt64, _ random: inout Seeded) {
        strategy = [.timestamp, .sequence, .snapshotDiff, .cdc, .fullRefresh, .sequence][Int(seed % 6)]
        let hasCursor = strategy == .timestamp || strategy == .sequence
        mode = hasCursor ? WriteMode.allCases[Int(seed / 6) % 3] : .upsert
        lookback = (hasCursor || strategy == .cdc) && Bool.random(using: &random) ? 60 : 0
        detectsDeletes = hasCursor && mode != .append && Bool.random(using: &random)
        marksDeletes = (detectsDeletes || strategy == .snapshotDiff || strategy == .cdc) && Bool.random(using: &random)
        // How many rows a log of changes removes is not the same question as how many are gone.
        maxShrink = strategy == .cdc ? 1 : [0.5, 1].randomElement(using: &random) ?? 1
        if strategy == .cdc {
            table = "sequence INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT, a TEXT, b INTEGER, p, c)"
            index = ""
            isQuery = false
            return
        }
        table =
            [
                "a TEXT NOT NULL, b INTEGER NOT NULL, p, c, PRIMARY KEY (a, b)) WITHOUT ROWID",
                "a TEXT NOT NULL, b INTEGER NOT NULL, p, c, PRIMARY KEY (a, b))",
                "a TEXT, b INTEGER, p, c)",
            ].randomElement(using: &random) ?? ""
        index = ["", "CREATE INDEX i ON t (c)"].randomElement(using: &random) ?? ""
        isQuery = Int.random(in: 0..<4, using: &random) == 0
    }
}

extension Story.Move {
    fileprivate init(_ plot: Story.Plot, _ clock: inout Int, _ random: inout Seeded) {
        let key = Int.random(in: 0..<24, using: &random)
        let payload = Int.random(in: 0..<8, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<44:
            clock += Int.random(in: 0...20, using: &random)
            // Ties with the newest rows are frequent, late rows too, some of them below every lookback.
            let late = [0, 0, 0, 1, 2, 10, 50, 60, 61, 500].randomElement(using: &random) ?? 0
            self = .put(key: key, place: clock - late, payload: payload)
        case 44..<50: self = .touch(key: key, payload: payload)
        case 50..<59: self = .delete(key: key)
        case 59: self = Int.random(in: 0..<4, using: &random) == 0 ? .clear : .delete(key: key)
        case 60..<82:
            self = .run(
                rowsPerCommit: [1, 2, 3, 5, 1_000].randomElement(using: &random) ?? 1,
                fullRefresh: Int.random(in: 0..<12, using: &random) == 0,
                allowShrink: Bool.random(using: &random))
        case 82..<90:
            self = .crash(
                rowsPerCommit: [1, 2, 3].randomElement(using: &random) ?? 1,
                commits: Int.random(in: 0..<4, using: &random), retries: Bool.random(using: &random))
        case 90..<94: self = .rewind(by: Int.random(in: 0...120, using: &random))
        case 94: self = .forget
        default: self = .rollback
        }
    }
}
