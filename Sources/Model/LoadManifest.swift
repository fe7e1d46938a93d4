public import Platform

/// What the load of one step read, ran and took, exactly enough for a person to see what it did and to do it again.
///
/// Its JSON is stored beside the rows in the destination, and shown as it is.
public struct LoadManifest: Sendable, Equatable {
    /// Its commits in order; of a load of very many only the first and the last.
    public var commits: [CommitManifest]
    /// How many commits between them are left out.
    public var commitsOmitted: Int
    /// The commit at which the load failed, and which was taken back; nil for a load that ended well.
    public var failed: CommitManifest?

    /// Makes a manifest.
    public init(commits: [CommitManifest], commitsOmitted: Int = 0, failed: CommitManifest? = nil) {
        self.commits = commits
        self.commitsOmitted = commitsOmitted
        self.failed = failed
    }

    /// The manifest for answers and for storage.
    public var json: JSONValue {
        .object([
            "commits": .array(commits.map(\.json)), "commits_omitted": .integer(Int64(commitsOmitted)),
            "failed": failed?.json ?? .null,
        ])
    }

    /// Takes back what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        guard let items = json["commits"]?.array, let omitted = json["commits_omitted"]?.integer else { return nil }
        let commits = items.compactMap { CommitManifest(json: $0) }
        guard commits.count == items.count else { return nil }
        self.init(
            commits: commits, commitsOmitted: Int(omitted), failed: json["failed"].flatMap { CommitManifest(json: $0) })
    }
}

/// What one commit of a load read, ran and took.
public struct CommitManifest: Sendable, Equatable {
    /// Its number in the step run, from 1.
    public var number: Int
    /// The attempt of the run that made it.
    public var attempt: Int
    /// The time by which its bounds were worked out.
    public var at: Timestamp
    /// Where it read; nil for a load that does not go by a cursor.
    public var bounds: CursorBounds?
    /// What it saw of the cursor; nil for a load that has none.
    public var cursorRows: CursorRows?
    /// What it did to the rows.
    public var counts: RowCounts
    /// The statements that moved rows, in their order; empty where they are those of the commit before.
    public var statements: [RunStatement]
    /// How long its parts took, in their order.
    public var phases: [LoadPhase]

    /// Makes the manifest of a commit.
    public init(
        number: Int, attempt: Int, at: Timestamp, bounds: CursorBounds? = nil, cursorRows: CursorRows? = nil,
        counts: RowCounts, statements: [RunStatement] = [], phases: [LoadPhase] = []
    ) {
        self.number = number
        self.attempt = attempt
        self.at = at
        self.bounds = bounds
        self.cursorRows = cursorRows
        self.counts = counts
        self.statements = statements
        self.phases = phases
    }

    /// The commit for answers and for storage.
    public var json: JSONValue {
        .object([
            "number": .integer(Int64(number)), "attempt": .integer(Int64(attempt)), "at": .string(at.rfc3339),
            "bounds": bounds?.json ?? .null, "cursor_rows": cursorRows?.json ?? .null,
            "rows_read": .integer(Int64(counts.read)), "rows_inserted": .integer(Int64(counts.inserted)),
            "rows_updated": .integer(Int64(counts.updated)), "rows_unchanged": .integer(Int64(counts.unchanged)),
            "rows_deleted": .integer(Int64(counts.deleted)), "statements": .array(statements.map(\.json)),
            "phases": .array(phases.map(\.json)),
        ])
    }

    /// Takes back what `json` gave; nil for anything else.
    public init?(json: JSONValue) {
        guard let number = json.count("number"), let attempt = json.count("attempt"),
            let at = json["at"]?.string.flatMap({ Timestamp(rfc3339: $0) }), let read = json.count("rows_read"),
            let inserted = json.count("rows_inserted"), let updated = json.count("rows_updated"),
            let unchanged = json.count("rows_unchanged"), let deleted = json.count("rows_deleted"),
            let statements = json["statements"]?.array, let phases = json["phases"]?.array
        else { return nil }
        self.init(
            number: number, attempt: attempt, at: at, bounds: json["bounds"].flatMap { CursorBounds(json: $0) },
            cursorRows: json["cursor_rows"].flatMap { CursorRows(json: $0) },
            counts: RowCounts(
                read: read, inserted: inserted, updated: updated, unchanged: unchanged, deleted: deleted),
            statements: statements.compactMap { RunStatement(json: $0) },
            phases: phases.compactMap { LoadPhase(json: $0) })
    }
}

extension JSONValue {
    /// The whole number under an object's key; nil where there is none.
    func count(_ key: String) -> Int? { self[key]?.integer.map(Int.init) }
}
