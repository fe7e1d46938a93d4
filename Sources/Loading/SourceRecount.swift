internal import Model
internal import SQLite

/// A second reading of the source's rows of a range, from the same state of it, for the comparison with what is staged.
///
/// What is staged goes through the choice of one row for each key and through the destination's conversions; the rows
/// read here go through neither, so that what either has changed shows.
struct SourceRecount {
    static let table = "temp._strandline_recount"

    let session: LoadSession
    let view: PartitionView
    let key: [SchemaMatch.Pair]
    let scope: PartitionScope

    private var pairs: [SchemaMatch.Pair] { view.match.pairs }

    /// The name that a column's values have in it.
    func value(_ index: Int) -> String { "v\(index)" }
    /// The name that a column of the key has, whose values are as the destination converts them.
    func keyName(_ index: Int) -> String { "k\(index)" }

    /// Reads the rows.
    func read() throws(LoadStop) {
        let keys = key.enumerated().map { index, pair in
            [keyName(index), DestinationTable.type(view.table.shape?.column(pair.destination)?.type ?? "")]
                .compactMap { $0 }.joined(separator: " ")
        }
        let names = key.indices.map(keyName)
        let selected = (key.map(\.source) + pairs.map(\.source)).map { "r." + quoted($0) }.joined(separator: ", ")
        let text = scope.text(
            "INSERT INTO \(SourceRecount.table) SELECT \(selected) FROM \(view.relation.sql) AS r "
                + "WHERE \(scope.takes("r", view.column.source))")
        session.trail.note(text)
        try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(SourceRecount.table)")
            try db.execute(
                "CREATE TEMP TABLE _strandline_recount (\((keys + pairs.indices.map(value)).joined(separator: ", ")))")
            _ = try db.run(text.sql, text.parameters)
            try db.execute(
                "CREATE INDEX temp._strandline_recount_key ON _strandline_recount (\(names.joined(separator: ", ")))")
        }
    }
}
