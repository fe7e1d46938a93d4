public import Model
public import Platform
internal import SQLite

extension Loader {
    /// The tables of a database that record their own changes.
    public func captures(_ file: DatabaseFile, stop: StopToken) throws(Failure) -> [Capture] {
        try withSource(file, .readOnly, stop) { registry throws(LoadStop) in
            try registry.entries().map { entry throws(LoadStop) in try registry.describe(entry) }
        }
    }

    /// Makes a table record its own changes, in one transaction; answers how it stands then.
    ///
    /// A capture that works is left as it is; one that does not any more, since the table has changed, begins anew.
    public func installCapture(_ file: DatabaseFile, table: String) throws(Failure) -> Capture {
        try withSource(file, .readWrite, StopToken()) { registry throws(LoadStop) in
            try registry.writing { () throws(LoadStop) in
                let definition = try CaptureDefinition.find(table, on: registry.connection, in: "main")
                try registry.install(definition, at: clock.now())
                guard let entry = try registry.entry(definition.table) else {
                    throw .failure(Failure(.internalError, "the capture of \(table) was not kept"))
                }
                return try registry.describe(entry)
            }
        }
    }

    /// Removes a table's capture with all that it has recorded; false when there was none.
    public func removeCapture(_ file: DatabaseFile, table: String) throws(Failure) -> Bool {
        try withSource(file, .readWrite, StopToken()) { registry throws(LoadStop) in
            try registry.writing { () throws(LoadStop) in
                guard let entry = try registry.entry(table) else { return false }
                try registry.remove(entry)
                return true
            }
        }
    }

    /// Forgets a reader of a table's changes, and trims what was kept for it alone; false when there is none of that name.
    public func forgetConsumer(_ consumer: String, of table: String, in file: DatabaseFile) throws(Failure) -> Bool {
        try withSource(file, .readWrite, StopToken()) { registry throws(LoadStop) in
            try registry.writing { () throws(LoadStop) in
                guard let entry = try registry.entry(table) else { return false }
                return try registry.forget(consumer, of: entry)
            }
        }
    }

    /// Makes the request's step a reader of its source's log, from what it has `applied`; nil before it reads the table
    /// itself. What every reader has applied is then trimmed.
    func advanceCapture(_ request: LoadRequest, to applied: Int64?) throws(Failure) {
        guard case .table(let table) = request.step.source.relation else { return }
        try withSource(request.source, .readWrite, StopToken(), isRun: true) { registry throws(LoadStop) in
            try registry.writing { () throws(LoadStop) in
                guard let entry = try registry.entry(table) else { return }
                try registry.advance(entry, CaptureReader(request).name, to: applied, at: clock.now())
            }
        }
    }

    /// Notes in the source that its file was put back to before what the request's step has applied, if it was.
    func noteRestored(_ request: LoadRequest) throws(Failure) {
        let held = try watermark(
            pipeline: request.pipeline, step: request.step.name, destination: request.destination)
        guard case .table(let table) = request.step.source.relation, case .integer(let applied)? = held?.value
        else { return }
        try withSource(request.source, .readWrite, StopToken()) { registry throws(LoadStop) in
            try registry.writing { () throws(LoadStop) in
                guard let entry = try registry.entry(table), try registry.lastSequence(entry) < applied else { return }
                try registry.advance(entry, CaptureReader(request).name, to: nil, at: clock.now())
                try registry.begin(entry, above: applied + 1)
            }
        }
    }

    private func withSource<Result>(
        _ file: DatabaseFile, _ access: Connection.Access, _ stop: StopToken, isRun: Bool = false,
        _ body: (CaptureRegistry) throws(LoadStop) -> Result
    ) throws(Failure) -> Result {
        try withFile(file, access, stop, isRun: isRun) { connection throws(LoadStop) in
            try body(CaptureRegistry(connection: connection, schema: "main"))
        }
    }
}

extension CaptureRegistry {
    /// Runs `body` in a transaction that holds the source's write lock from its start.
    fileprivate func writing<Result>(_ body: () throws(LoadStop) -> Result) throws(LoadStop) -> Result {
        try connection.transaction(.immediate, wrapping: { LoadStop.sqlite($0) }, body)
    }
}
