internal import Model
internal import SQLite

/// The rows a load reads, as the destination's connection sees them.
struct SourceRelation {
    /// The name under which the source's file is attached.
    static let schema = "source"

    /// The columns, and what is known of the rows.
    var shape: TableShape
    /// What stands behind FROM.
    let sql: String
    /// Temporary views that the relation is made of.
    var views: [String] = []
    /// By the folded name of a column that may be another here, the name that the source has for it.
    var sourceNames: [String: String] = [:]

    /// The index that would find rows by an order on `column`; nil where none can.
    func suggestedIndex(on column: String) -> String? {
        guard isTable, !isOrdered(by: column) else { return nil }
        return IndexSuggestion.statement(column: sourceNames[fold(column)] ?? column, of: shape.name)
    }

    /// Whether rows can be found by an order on `column` without reading all.
    func isOrdered(by column: String) -> Bool { shape.orderedBy.contains(fold(column)) }

    /// Whether reading it again costs no more than the rows it gives.
    var isTable: Bool { shape.kind == .table }

    /// Looks at a step's source in the attached database `schema`.
    static func find(
        _ relation: LoadStep.Relation, on connection: Connection, in schema: String
    ) throws(LoadStop) -> SourceRelation {
        switch relation {
        case .table(let name): try table(name, connection, schema)
        case .query(let query): try QuerySource(connection: connection, schema: schema).relation(query)
        }
    }

    private static func table(
        _ name: String, _ connection: Connection, _ schema: String
    ) throws(LoadStop) -> SourceRelation {
        let found = try connection.stopping { db throws(SQLiteError) in try db.shape(of: name, in: schema) }
        guard let shape = found else {
            let tables = try connection.stopping { db throws(SQLiteError) in
                try db.rows(
                    "SELECT name FROM pragma_table_list WHERE schema = ? AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                        + "ORDER BY name LIMIT 20", [.text(schema)]
                ).compactMap { $0[0].string }
            }
            throw .failure(
                Failure(
                    .unknownTable, "the source has no table \(name)",
                    hint: tables.isEmpty
                        ? "the database is empty: correct the connection's path"
                        : "its tables are " + tables.joined(separator: ", "), field: "source.table"))
        }
        guard shape.kind != .virtual else {
            throw .failure(
                Failure(
                    .notATable, "\(name) is a virtual table, which is not read from",
                    hint: "name an ordinary table or a view", field: "source.table"))
        }
        return SourceRelation(shape: shape, sql: "\(quoted(schema)).\(quoted(shape.name))")
    }
}

/// A user's query as a source: one read-only statement over the source's own tables.
///
/// On the destination's connection a bare table name would find the destination's tables first. So each table that the
/// query reads gets a temporary view of its own name over the source, and the query becomes a temporary view itself,
/// which is then prepared under an authorizer that lets it read nothing but the source.
struct QuerySource {
    static let view = "_strandline_query"
    let connection: Connection
    let schema: String

    func relation(_ query: String) throws(LoadStop) -> SourceRelation {
        let (tables, names) = try tablesRead(by: query)
        let views = tables + [QuerySource.view]
        try drop(views)
        for table in tables {
            try connection.stopping { db throws(SQLiteError) in
                try db.execute(
                    "CREATE TEMP VIEW \(quoted(table)) AS SELECT * FROM \(quoted(schema)).\(quoted(table))")
            }
        }
        do throws(SQLiteError) {
            // The newline ends a comment at the query's end.
            try connection.execute("CREATE TEMP VIEW \(QuerySource.view) AS \(query)\n")
        } catch {
            throw wording(error)
        }
        let select = "SELECT * FROM temp.\(QuerySource.view)"
        let columns: [ResultColumn]
        do throws(SQLiteError) {
            // A name that stands for a table of the source now stands for the view over it.
            let readable = Authorizer.reading(["temp", schema]) { names.contains(fold($0)) }
            columns = try connection.withAuthorizer(readable) { () throws(SQLiteError) in
                try connection.resultColumns(of: select)
            }
        } catch {
            throw wording(error)
        }
        return SourceRelation(
            shape: TableShape(
                name: "query", kind: .query,
                columns: columns.map { ColumnShape(name: $0.name, type: $0.declaredType ?? "") }),
            sql: "temp.\(QuerySource.view)", views: views)
    }

    /// Drops the temporary views, which hide tables of the same names.
    func drop(_ views: [String]) throws(LoadStop) {
        for view in views {
            try connection.stopping { db throws(SQLiteError) in
                try db.execute("DROP VIEW IF EXISTS temp.\(quoted(view))")
            }
        }
    }

    /// The tables that the query reads, as found by preparing it against the source alone, and, folded, all names that
    /// it reads from there, also those it gives itself.
    private func tablesRead(by query: String) throws(LoadStop) -> (tables: [String], names: Set<String>) {
        let path = try connection.stopping { db throws(SQLiteError) in
            try db.first("SELECT file FROM pragma_database_list WHERE name = ?", [.text(schema)])?.text("file") ?? ""
        }
        var tables: Set<String> = []
        var names: [String] = []
        let readable = Authorizer.reading(["main"], bare: { _ in true }).watching { action in
            guard case .read(let database, let table, _) = action, ["main", ""].contains(database) else { return }
            tables.insert(fold(table))
        }
        var found: [String] = []
        do throws(SQLiteError) {
            let source = try Connection(path: path, access: .readOnly)
            defer { source.close() }
            let isReadOnly = try source.withAuthorizer(readable) { () throws(SQLiteError) in
                // A view would give columns of one name new names of its own.
                names = try source.resultColumns(of: query).map { fold($0.name) }
                return try source.isReadOnly(query)
            }
            guard isReadOnly else {
                throw SQLiteError(code: 1, operation: "query", message: "it is not a SELECT")
            }
            let own = try source.rows("SELECT name FROM pragma_table_list WHERE schema = 'main'")
            for row in own {
                let name = try row.text("name")
                if tables.contains(fold(name)), !fold(name).hasPrefix("sqlite_") { found.append(name) }
            }
        } catch {
            throw wording(error)
        }
        if let double = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw .failure(
                Failure(
                    .invalidQuery, "the query gives two columns called \(double)",
                    hint: "name each of its columns once, with AS", field: "source.query"))
        }
        return (found, tables)
    }

    /// What the user is to be told of the query; a file's own trouble, and being stopped, are no fault of the query.
    private func wording(_ error: SQLiteError) -> LoadStop {
        let isOther =
            error.isBusy || error.isCorrupt || error.isNotADatabase || error.cannotOpen || error.isInterrupted
        guard !isOther else { return .sqlite(error) }
        return .failure(
            Failure(
                .invalidQuery,
                error.isUnauthorized
                    ? "the query does more than read the source's tables: \(error.message)"
                    : "the query cannot be used: \(error.message)",
                hint: "write one SELECT over tables of the source, without parameters", field: "source.query"))
    }
}
