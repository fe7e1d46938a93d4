internal import Loading
public import Model
internal import Platform
internal import Store

extension LoadEngine {
    /// The tables of a connection that record their own changes, each with its readers, and which of them are steps here.
    public func captures(
        _ connection: String, completion: @escaping @Sendable (Result<[Capture], Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in
                let place = try source(connection)
                var captures: [Capture]
                do throws(Failure) {
                    captures = try loader.captures(place.file, stop: stop)
                } catch {
                    throw place.redact(error)
                }
                try store.reading { (session) throws(Failure) in
                    for (index, capture) in captures.enumerated() {
                        for (other, consumer) in capture.consumers.enumerated() {
                            captures[index].consumers[other].isPresent = isPresent(
                                consumer.name, capture.table, place.file, session)
                        }
                    }
                }
                return captures
            }, completion: completion)
    }

    /// Whether a reader of a table's changes is a step of a pipeline that is there; one whose files cannot be told is.
    private func isPresent(_ name: String, _ table: String, _ file: DatabaseFile, _ session: ReadSession) -> Bool {
        guard let reader = CaptureReader(name: name) else { return false }
        do throws(Failure) {
            let pipeline = try catalog.pipeline(reader.pipeline, session)
            guard pipeline.step(reader.step) != nil else { return false }
            let resolved = try catalog.resolve(pipeline, steps: [reader.step], session)
            guard let step = try resolved.load(reader.step)?.get() else { return false }
            return reader.isRead(
                by: step.step, of: table, from: file, source: step.source.file, destination: step.destination.file)
        } catch {
            return error.code != .unknownPipeline
        }
    }

    /// Forgets a reader of a table's changes, when no load writes its file.
    public func forgetConsumer(
        _ consumer: String, of table: String, _ connection: String,
        completion: @escaping @Sendable (Result<Void, Failure>) -> Void
    ) {
        edit(
            connection,
            { [loader] (file) throws(Failure) in
                guard try !loader.forgetConsumer(consumer, of: table, in: file) else { return }
                throw Failure(
                    .notFound, "the changes of \(table) of connection \(connection) have no consumer \(consumer)",
                    hint: "GET /v1/connections/\(connection)/captures names those that they have")
            }, completion)
    }

    /// Makes a table record its own changes, when no load writes its file; the completion gets how it stands then.
    public func installCapture(
        _ connection: String, table: String, completion: @escaping @Sendable (Result<Capture, Failure>) -> Void
    ) {
        edit(
            connection, { [loader] (file) throws(Failure) in try loader.installCapture(file, table: table) }, completion
        )
    }

    /// Removes a table's capture with all that it has recorded, when no load writes its file.
    public func removeCapture(
        _ connection: String, table: String, completion: @escaping @Sendable (Result<Void, Failure>) -> Void
    ) {
        edit(
            connection,
            { [loader] (file) throws(Failure) in
                guard try !loader.removeCapture(file, table: table) else { return }
                throw Failure(
                    .notFound, "\(table) of connection \(connection) does not record its changes",
                    hint: "GET /v1/connections/\(connection)/captures lists the tables that do")
            }, completion)
    }

    /// Changes a connection's file as the only one that writes it.
    private func edit<Done: Sendable>(
        _ connection: String, _ change: @escaping @Sendable (DatabaseFile) throws(Failure) -> Done,
        _ completion: @escaping @Sendable (Result<Done, Failure>) -> Void
    ) {
        let place: Place
        do throws(Failure) { place = try source(connection) } catch { return completion(.failure(error)) }
        edit(
            place.lockNames, "the file of connection \(connection)", "change its captures then",
            { () throws(Failure) in
                do throws(Failure) { return try change(place.file) } catch { throw place.redact(error) }
            }, completion)
    }

    /// Where a connection leads whose file must exist.
    private func source(_ connection: String) throws(Failure) -> Place {
        let place = try store.reading { (session) throws(Failure) in try catalog.place(of: connection, session) }
        guard place.file.exists else {
            throw Failure(
                .missingFile, "connection \(connection): there is no file \(place.text.written)",
                hint: "correct the connection's path")
        }
        return place
    }
}
