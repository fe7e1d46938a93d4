internal import Model
internal import Platform
internal import SQLite

extension PartitionLoad {
    /// Reads the source's rows while the destination's file may be another's to write, into the temporary tables in which
    /// they would be staged under the write lock; nil where the partition is to be loaded in its turn like any other: it
    /// has committed, or the destination has yet to be given a column.
    ///
    /// The destination is only looked at, before the source is read and in short statements: a read lock on it could hold
    /// up the commits of those that write it.
    func extract() throws(LoadStop) -> ExtractedPartition? {
        session.trail.enter(.look)
        let ledger = PartitionLedger(session.connection)
        if try ledger.exists(),
            try ledger.result(backfill: request.load.run, number: request.number, step: step.name) != nil
        {
            return nil
        }
        let schema = try schemaVersion()
        let (view, ahead) = try open()
        let shadow = try stagedBefore()
        guard try hasColumns(view, shadow) else { return nil }
        session.trail.enter(.stage)
        guard let key = view.key else {
            let rows = PartitionValues(view.relation, view.match.pairs, column: view.column, view.table, scope)
            try kept.openStage(rows.stage)
            return try reading(view, ahead, schema) { () throws(LoadStop) in (try copyInside(rows.copyInside), 0) }
        }
        let rows = PartitionRows(
            view.relation, view.match.pairs, key: key, column: view.column, view.table, scope, shadow: shadow)
        try kept.openStage(rows.stage)
        try execute(rows.makeSought)
        for statement in rows.findSought { _ = try run(scope.text(statement)) }
        return try reading(view, ahead, schema) { () throws(LoadStop) in
            let inside = try copyInside(scope.text(rows.copyInside))
            try execute(rows.keepSought)
            let elsewhere = try run(scope.text(rows.copyElsewhere(of: PartitionRows.sought)))
            if request.isStaged { try SourceRecount(session: session, view: view, key: key, scope: scope).read() }
            return (inside, elsewhere)
        }
    }

    /// What earlier partitions of the backfill have staged; nil where that is nothing.
    private func stagedBefore() throws(LoadStop) -> Shadow? {
        let ledger = ShadowLedger(session.connection)
        guard request.isStaged, try ledger.exists(),
            case .staged(let shadow)? = try ledger.place(of: request.load.run, step: step.name)
        else { return nil }
        return shadow
    }

    /// Whether there is a table by whose columns the rows can be converted, all of them.
    private func hasColumns(_ view: PartitionView, _ shadow: Shadow?) throws(LoadStop) -> Bool {
        guard let shadow else { return view.match.added.isEmpty }
        let shape = try session.connection.stopping { db throws(SQLiteError) in
            try db.shape(of: shadow.name, in: "main")
        }
        return view.match.pairs.allSatisfy { shape?.column($0.destination) != nil }
    }

    /// Copies the source's rows of the range, and counts them meanwhile; answers how many they are.
    func copyInside(_ text: DeltaStatement.Text) throws(LoadStop) -> Int {
        session.noteQuery()
        return try kept.gate.counting { () throws(LoadStop) in try run(text) }.passed
    }

    /// Runs `body` on one state of the source; answers nil where its tables are others by then than `view` knows.
    private func reading(
        _ view: PartitionView, _ ahead: AheadRows?, _ schema: Int,
        _ body: () throws(LoadStop) -> (inside: Int, elsewhere: Int)
    ) throws(LoadStop) -> ExtractedPartition? {
        let before = session.views.next()
        return try session.connection.transaction(.deferred, wrapping: { LoadStop.sqlite($0) }) {
            () throws(LoadStop) in
            // The first look fixes the state of the source until the transaction ends.
            let version = try session.sourceVersion()
            let state = ExtractedPartition.SourceState(version: version, before: before, after: session.views.next())
            guard try schemaVersion() == schema else { return nil }
            return ExtractedPartition(self, view, ahead, state, read: try body())
        }
    }

    private func schemaVersion() throws(LoadStop) -> Int {
        try session.integer("PRAGMA \(quoted(session.sourceSchema)).schema_version")
    }

    // MARK: Using it

    /// What was read ahead, if it may be written in the open transaction, which holds the destination's write lock: it must
    /// be what reading now would give, or at least no older than what any commit to the table has read.
    func usable(_ view: PartitionView, _ ahead: AheadRows?) throws(LoadStop) -> ExtractedPartition? {
        guard let extracted, request.isSame(extracted.request), extracted.view.isAlike(view),
            extracted.ahead?.range == ahead?.range
        else { return nil }
        let isUnchanged = try session.sourceVersion() == extracted.state.version
        return isUnchanged || session.latestView < extracted.state.before ? extracted : nil
    }

    /// How many rows were copied ahead, once the destination's rows in the range that are not among them are staged; nil
    /// where one is of a key that was not looked for elsewhere, since it came after.
    func copied(
        _ rows: PartitionRows, _ extracted: ExtractedPartition?
    ) throws(LoadStop) -> (inside: Int, elsewhere: Int)? {
        guard let extracted else { return nil }
        _ = try findGone(rows)
        guard try session.integer(rows.countUnsought) == 0 else { return nil }
        take(over: extracted)
        return extracted.read
    }

    /// Notes that what was read ahead is written, as part of this commit.
    func take(over extracted: ExtractedPartition) {
        extracted.use()
        session.trail.join(extracted.trail)
        session.seesSource(as: extracted.state.after)
    }
}

extension LoadSession {
    /// A mark of the source's content, another one once somebody has committed to it; it means nothing to other connections.
    fileprivate func sourceVersion() throws(LoadStop) -> Int {
        try integer("PRAGMA \(quoted(sourceSchema)).data_version")
    }
}
