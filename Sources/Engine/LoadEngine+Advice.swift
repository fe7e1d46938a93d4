internal import Loading
public import Model
internal import Platform
internal import Store

/// A question how to load a table.
public struct AdviceRequest: Sendable {
    /// The source's connection.
    public var connection: String
    /// The table or view.
    public var table: String
    /// The connection to load into; nil to have one chosen.
    public var destination: String?

    /// Makes a request.
    public init(connection: String, table: String, destination: String? = nil) {
        self.connection = connection
        self.table = table
        self.destination = destination
    }
}

extension LoadEngine {
    /// How to load a table, found by looking at it; changes nothing.
    public func advise(
        _ request: AdviceRequest, completion: @escaping @Sendable (Result<Advice, Failure>) -> Void
    ) {
        inspections.submit(
            { [self] (stop) throws(Failure) in
                let desk = AdviceDesk(request, store: store, catalog: catalog)
                let source = try desk.source()
                do throws(Failure) {
                    let facts = try loader.survey(request.table, in: source.file, stop: stop)
                    let (place, notes) = try desk.place(of: facts.table, from: source) { (file) throws(Failure) in
                        try loader.inspect(file, stop: stop).map(\.name)
                    }
                    return AdviceRules(facts, to: place, notes: notes).advice()
                } catch {
                    var failure = error
                    failure.message = source.redact(error.message)
                    failure.hint = source.redact(error.hint)
                    throw failure
                }
            }, completion: completion)
    }
}

/// Finds the places that a request for advice is about: where the table lies, and where it is best loaded to.
struct AdviceDesk {
    private let request: AdviceRequest
    private let store: ControlStore
    private let catalog: Catalog

    /// The connection that a document names when there is none to load into.
    private static let placeholder = "warehouse"

    init(_ request: AdviceRequest, store: ControlStore, catalog: Catalog) {
        self.request = request
        self.store = store
        self.catalog = catalog
    }

    /// Where the table lies.
    func source() throws(Failure) -> Place {
        let source = try place(request.connection, field: "connection")
        guard source.file.exists else {
            throw Failure(
                .missingFile, "connection \(request.connection): there is no file \(source.text.written)",
                hint: "correct the connection's path", field: "connection")
        }
        return source
    }

    private func place(_ connection: String, field: String) throws(Failure) -> Place {
        do throws(Failure) {
            return try store.reading { (session) throws(Failure) in try catalog.place(of: connection, session) }
        } catch {
            var failure = error
            failure.field = field
            throw failure
        }
    }

    /// Where a document loads the table to, under names that nothing has yet, and what is to be said of it.
    func place(
        of table: String, from source: Place, tables: (DatabaseFile) throws(Failure) -> [String]
    ) throws(Failure) -> (AdvicePlace, notes: [String]) {
        var notes: [String] = []
        let others = try self.others(than: source)
        let destination = request.destination ?? others.best
        var name = table
        if let destination {
            let place = try place(destination, field: "destination")
            let taken = place.file.exists ? try tables(place.file) : []
            name = freeName(table, among: taken)
            if name != table {
                notes.append("\(destination) has a table \(table) already, so the document loads into \(name)")
            }
        } else {
            notes.append(
                "no connection to load into is known: make one with PUT /v1/connections/\(AdviceDesk.placeholder), or "
                    + "name yours in the document's destination")
        }
        let place = AdvicePlace(
            pipeline: pipelineName(for: table, among: others.pipelines), source: request.connection,
            destination: destination ?? AdviceDesk.placeholder, table: name)
        return (place, notes)
    }

    private struct Others {
        /// The connection to load into, if there is one that cannot be wrong.
        var best: String?
        var pipelines: Set<String> = []
    }

    /// The connection that most steps load into; else the only other one, or one that is called as they mostly are. A
    /// source of something else is never taken by chance.
    private func others(than source: Place) throws(Failure) -> Others {
        try store.reading { (session) throws(Failure) in
            var others = Others()
            var uses: [String: Int] = [:]
            let page = Page(limit: Limits.maximumPageItems)
            let pipelines = try storing { () throws(StoreError) in try session.pipelines(page).items.map(\.name) }
            for name in pipelines {
                others.pipelines.insert(name)
                for step in (try? catalog.pipeline(name, session))?.loads ?? [] {
                    uses[step.destination.connection, default: 0] += 1
                }
            }
            let connections = try storing { () throws(StoreError) in try session.connections(page).items.map(\.name) }
            let candidates = connections.filter { name in
                (try? catalog.place(of: name, session)).map { $0.file != source.file } ?? false
            }
            let used = candidates.filter { uses[$0] != nil }.max { (uses[$0] ?? 0, $1) < (uses[$1] ?? 0, $0) }
            others.best =
                used ?? (candidates.count == 1 ? candidates[0] : candidates.first { $0 == AdviceDesk.placeholder })
            return others
        }
    }

    /// A pipeline's name made of the table's, one that no pipeline has.
    private func pipelineName(for table: String, among taken: Set<String>) -> String {
        let characters = table.lowercased().unicodeScalars.map { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "_"
        }
        let trimmed = String(characters).drop { $0 == "_" }.prefix(58)
        return freeName(trimmed.isEmpty ? "table" : String(trimmed), among: Array(taken))
    }
}
