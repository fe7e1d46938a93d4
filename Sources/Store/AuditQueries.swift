public import Model
internal import Platform
internal import SQLite

extension ReadSession {
    /// The audit of an identifier; nil when there is none.
    public func audit(_ id: String) throws(StoreError) -> Audit? {
        try first("read the audit", "SELECT * FROM audits WHERE id = ?", [.text(id)]) { row throws(SQLiteError) in
            try Audit(row)
        }
    }

    /// Audits, newest first; of one pipeline where `pipeline` names it.
    public func audits(pipeline: String? = nil, _ page: Page = Page()) throws(StoreError) -> Listing<Audit> {
        let operation = "list the audits"
        let before = try page.run(operation)
        let found = try rows(
            operation,
            """
            SELECT * FROM audits WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR pipeline = ?2)
            ORDER BY id DESC LIMIT ?3
            """, [Value(before), Value(pipeline), Value(page.limit + 1)]
        ) { row throws(SQLiteError) in try Audit(row) }
        return Listing(found, page) { $0.id }
    }

    /// The audits that are queued or running, oldest first; all of them, for the start of the server.
    public func activeAudits() throws(StoreError) -> [Audit] {
        try rows("list the audits in hand", "SELECT * FROM audits WHERE state IN ('queued', 'running') ORDER BY id") {
            row throws(SQLiteError) in try Audit(row)
        }
    }

    /// The differences that are kept of a comparison, in the order in which they were found.
    public func differences(_ audit: String, _ page: Page = Page()) throws(StoreError) -> Listing<AuditDifference> {
        let operation = "list the differences"
        let after = try page.number(operation) ?? 0
        let found = try rows(
            operation, "SELECT * FROM audit_differences WHERE audit = ? AND number > ? ORDER BY number LIMIT ?",
            [.text(audit), .integer(after), Value(page.limit + 1)]
        ) { row throws(SQLiteError) in try AuditDifference(row) }
        return Listing(found, page) { String($0.number) }
    }

    /// How far a step was verified; nil when it never was, or not since its watermark was moved by a person.
    public func verification(_ pipeline: String, _ step: String) throws(StoreError) -> Verification? {
        try first(
            "read the verification", "SELECT * FROM verifications WHERE pipeline = ? AND step = ?",
            [.text(pipeline), .text(step)]
        ) { row throws(SQLiteError) in
            Verification(
                through: CursorValue(stored: row["value"]), at: try row.timestamp("verified_at"),
                audit: try row.text("audit"))
        }
    }
}

extension Transaction {
    /// Stores a new audit; the pipeline must be stored. The oldest finished ones beyond `Limits.finishedAudits` go.
    public func insertAudit(_ audit: Audit) throws(StoreError) {
        let operation = "store the audit"
        guard try pipeline(audit.pipeline) != nil else {
            throw StoreError(.unknownPipeline, operation, "there is no pipeline \(audit.pipeline)")
        }
        try run(
            operation,
            """
            INSERT INTO audits
                (id, pipeline, step, kind, state, part_interval, heal, delete_extra, allow_shrink, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(audit.id), .text(audit.pipeline), .text(audit.step), .text(audit.options.kind.rawValue),
                .text(audit.state.rawValue), Value(audit.options.interval?.json.text()),
                Value(audit.options.heal), Value(audit.options.deleteExtra), Value(audit.options.allowShrink),
                Value(audit.createdAt),
            ])
        try run(
            operation,
            """
            DELETE FROM audits WHERE state IN ('success', 'failed', 'cancelled') AND id <= (
                SELECT id FROM audits WHERE state IN ('success', 'failed', 'cancelled') ORDER BY id DESC LIMIT 1 OFFSET ?)
            """, [Value(Limits.finishedAudits)])
    }

    /// Moves an audit to another state, as its transition table allows; answers the audit as it is then.
    @discardableResult
    public func changeAudit(
        _ id: String, to state: AuditState, result: AuditResult? = nil, error: Failure? = nil
    ) throws(StoreError) -> Audit {
        let operation = "change the audit"
        guard var audit = try audit(id) else { throw StoreError(.unknownRun, operation, "there is no audit \(id)") }
        guard audit.state.mayBecome(state) else {
            throw StoreError(
                .illegalTransition, operation,
                "the audit \(id) is \(audit.state.rawValue) and cannot become \(state.rawValue)",
                hint: audit.state.isFinal ? "the audit has ended; start another one" : "")
        }
        audit.state = state
        if state == .running { audit.startedAt = now }
        // The clock may have gone back since it started.
        audit.finishedAt = state.isFinal ? max(now, audit.startedAt ?? now) : nil
        audit.result = state == .success ? result : nil
        audit.error = error
        try run(
            operation,
            "UPDATE audits SET state = ?2, started_at = ?3, finished_at = ?4, result = ?5, error = ?6 WHERE id = ?1",
            [
                .text(id), .text(state.rawValue), Value(audit.startedAt), Value(audit.finishedAt),
                Value(audit.result?.json.text()), Value(error?.stored),
            ])
        try keep(audit.result?.differences ?? [], of: id)
        // They are read from their own table from here on.
        audit.result?.differences = []
        return audit
    }

    /// Stores the differences that a comparison found; those of the oldest comparisons beyond
    /// `Limits.comparisonsWithDifferences` go.
    private func keep(_ differences: [AuditDifference], of audit: String) throws(StoreError) {
        guard !differences.isEmpty else { return }
        let operation = "store the differences"
        for difference in differences {
            try run(
                operation, "INSERT INTO audit_differences (audit, number, kind, key, columns) VALUES (?, ?, ?, ?, ?)",
                [
                    .text(audit), Value(difference.number), .text(difference.kind.rawValue),
                    .text(difference.key.text()), .text(difference.columns.text()),
                ])
        }
        try run(
            operation,
            """
            DELETE FROM audit_differences WHERE audit <= (
                SELECT id FROM audits AS a WHERE kind = 'compare'
                    AND EXISTS (SELECT 1 FROM audit_differences AS d WHERE d.audit = a.id)
                ORDER BY id DESC LIMIT 1 OFFSET ?)
            """, [Value(Limits.comparisonsWithDifferences)])
    }

    /// Notes that what an audit had mended was rolled back, the first time; how far its step was verified is not known any
    /// more. Answers the audit as it is then.
    @discardableResult
    public func markAuditRolledBack(_ id: String) throws(StoreError) -> Audit {
        let operation = "note that the audit was rolled back"
        guard let audit = try audit(id) else { throw StoreError(.unknownRun, operation, "there is no audit \(id)") }
        try run(
            operation, "UPDATE audits SET rolled_back_at = ? WHERE id = ? AND rolled_back_at IS NULL",
            [Value(now), .text(id)])
        touch(audit.pipeline)
        try run(
            operation, "DELETE FROM verifications WHERE pipeline = ? AND step = ?",
            [.text(audit.pipeline), .text(audit.step)])
        return try self.audit(id) ?? audit
    }

    /// Keeps how far a step was verified, in place of what was known before.
    public func verify(_ pipeline: String, _ step: String, _ verification: Verification) throws(StoreError) {
        touch(pipeline)
        try run(
            "store the verification", "INSERT OR REPLACE INTO verifications VALUES (?, ?, ?, ?, ?)",
            [
                .text(pipeline), .text(step), verification.through?.stored ?? .null, Value(verification.at),
                .text(verification.audit),
            ])
    }
}

extension Audit {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            id: try row.text("id"), pipeline: try row.text("pipeline"), step: try row.text("step"),
            state: try row.decoded("state") { AuditState(rawValue: $0) },
            options: AuditOptions(
                interval: row["part_interval"].isNull
                    ? nil
                    : try row.decoded("part_interval") { JSONValue(stored: $0).flatMap { Interval(json: $0) } },
                heal: try row.bool("heal"), deleteExtra: try row.bool("delete_extra"),
                allowShrink: try row.bool("allow_shrink")),
            createdAt: try row.timestamp("created_at"), startedAt: try row.optionalTimestamp("started_at"),
            finishedAt: try row.optionalTimestamp("finished_at"),
            result: row["result"].isNull
                ? nil : try row.decoded("result") { AuditResult(stored: $0) },
            error: try row.optionalFailure("error"))
        options.kind = try row.decoded("kind") { AuditKind(rawValue: $0) }
        rolledBackAt = try row.optionalTimestamp("rolled_back_at")
    }
}

extension AuditDifference {
    fileprivate init(_ row: Row) throws(SQLiteError) {
        self.init(
            number: Int(try row.int("number")),
            kind: try row.decoded("kind") { AuditResult.Sample.Kind(rawValue: $0) },
            key: try row.decoded("key") { JSONValue(stored: $0) },
            columns: try row.decoded("columns") { JSONValue(stored: $0) })
    }
}

extension AuditResult {
    /// The result that `stored`, its JSON as text, was made of; nil for other text.
    fileprivate init?(stored text: String) {
        guard let json = try? JSONValue(parsing: text.utf8, nodes: Limits.answerNodes) else { return nil }
        self.init(json: json)
    }
}
