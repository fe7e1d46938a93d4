internal import Model
internal import Platform
internal import SQLite

/// What a load notes of itself while it works, for its manifest.
///
/// Belongs to the worker's thread.
final class LoadTrail {
    private let clock: any Clock
    private var phase = LoadPhase.Name.open
    private var since: Duration
    private var spent: [(name: LoadPhase.Name, time: Duration)] = []
    private var statements: [RunStatement] = []
    /// The text of the statements that the last commit kept.
    private var kept: [String] = []
    /// Where the commit in hand reads; nil for a load that does not go by a cursor.
    var bounds: CursorBounds?
    /// What it saw of the cursor.
    var cursorRows: CursorRows?
    /// The number and the time of the commit in hand; nil where none is.
    private var commit: (number: Int, time: Timestamp)?
    /// How long the commits of this process took to become durable, by their numbers.
    private var commits: [Int: Duration] = [:]

    /// Begins with the phase `open`.
    init(clock: any Clock) {
        self.clock = clock
        since = clock.uptime()
    }

    /// Begins the work of a commit that holds the lock.
    func begin(number: Int, at now: Timestamp) { commit = (number, now) }

    /// What the commit in hand has done until it failed; nil where it had not begun.
    func abandoned(attempt: Int) -> CommitManifest? {
        guard let commit else { return nil }
        enter(phase)
        return CommitManifest(
            number: commit.number, attempt: attempt, at: commit.time, bounds: bounds, cursorRows: cursorRows,
            counts: RowCounts(), statements: LoadTrail.bounded(statements),
            phases: spent.map { LoadPhase($0.name, seconds: $0.time.seconds) })
    }

    /// Ends the phase in hand and begins another, or goes on with it.
    func enter(_ next: LoadPhase.Name) {
        let now = clock.uptime()
        if let place = spent.firstIndex(where: { $0.name == phase }) {
            spent[place].time += now - since
        } else {
            spent.append((phase, now - since))
        }
        phase = next
        since = now
    }

    /// Notes a statement that is run.
    func note(_ text: DeltaStatement.Text) {
        let (sql, isShortened) = LoadTrail.shortened(text.sql)
        let parameters = text.parameters.enumerated().map { index, value in
            RunStatement.Parameter(
                value: CursorValue(value), meaning: index < text.meanings.count ? text.meanings[index] : "")
        }
        statements.append(RunStatement(sql: sql, isShortened: isShortened, parameters: parameters))
    }

    /// Notes a statement without parameters.
    func note(_ sql: String) { note(DeltaStatement.Text(sql: sql, parameters: [])) }

    /// Counts what an earlier load has noted, which has come to its end, as this one's.
    func join(_ earlier: LoadTrail) {
        statements = earlier.statements + statements
        for (name, time) in earlier.spent {
            if let place = spent.firstIndex(where: { $0.name == name }) {
                spent[place].time += time
            } else {
                spent.append((name, time))
            }
        }
    }

    /// Ends the commit's work before it is recorded as number `number`; answers its manifest and begins anew.
    ///
    /// A cut load's commits run the same statements over and over: they are kept where they differ from those before.
    func take(number: Int, attempt: Int, at now: Timestamp, counts: RowCounts) -> CommitManifest {
        enter(.commit)
        let texts = statements.map(\.sql)
        let manifest = CommitManifest(
            number: number, attempt: attempt, at: now, bounds: bounds, cursorRows: cursorRows, counts: counts,
            statements: texts == kept ? [] : LoadTrail.bounded(statements),
            phases: spent.map { LoadPhase($0.name, seconds: $0.time.seconds) })
        kept = texts
        statements = []
        spent = []
        bounds = nil
        cursorRows = nil
        return manifest
    }

    /// The commit of that number is durable: the wait for the next one's lock begins.
    func committed(number: Int) {
        commit = nil
        enter(.lock)
        commits[number] = spent.first { $0.name == .commit }?.time
        spent = []
    }

    /// The manifest with the times that no commit can record of itself.
    func completed(_ manifest: LoadManifest) -> LoadManifest {
        var manifest = manifest
        for place in manifest.commits.indices {
            guard let time = commits[manifest.commits[place].number] else { continue }
            manifest.commits[place].phases.append(LoadPhase(.commit, seconds: time.seconds))
        }
        return manifest
    }

    private static func shortened(_ sql: String) -> (String, Bool) {
        guard sql.utf8.count > Limits.manifestStatementBytes else { return (sql, false) }
        return (String(decoding: sql.utf8.prefix(Limits.manifestStatementBytes), as: UTF8.self) + "…", true)
    }

    private static func bounded(_ statements: [RunStatement]) -> [RunStatement] {
        guard statements.count > Limits.manifestStatements else { return statements }
        let left = statements.count - Limits.manifestStatements
        return statements.prefix(Limits.manifestStatements)
            + [RunStatement(sql: "-- and \(left) more", isShortened: true)]
    }
}

extension CursorRows {
    /// What a pass saw; `byIndex` when an index kept it from rows outside the bounds.
    init(_ tally: DeltaTally, byIndex: Bool) {
        self.init()
        inside = tally.passed
        below = tally.below
        above = tally.above
        null = tally.nullCursors
        unordered = tally.unordered
        future = tally.future
        lowest = tally.lowest?.shown
        highest = tally.position?.value
        self.byIndex = byIndex
    }
}

extension CursorBounds {
    /// The bounds of a range of a cursor.
    init(_ range: DeltaRange, cursor: String) {
        self.init(
            cursor: cursor, lower: range.lower?.shown, includesLower: range.includesLower, upper: range.upper?.shown,
            future: range.future?.shown, includesFuture: range.includesFuture, includesNull: range.includesNull)
    }
}

extension CursorKey {
    /// The place as a value for people: an instant in UTC, anything else as it is.
    var shown: CursorValue { value.flatMap { CursorValue($0) } ?? .text(display) }
}

extension Duration {
    /// The time in seconds, to the microsecond.
    fileprivate var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) / 1_000_000
    }
}
