internal import Model
internal import SQLite

/// The SQL function that says whether a value has a place in the order of the column that a backfill slices rows by.
final class PlaceFunction: ScalarFunctionBody {
    static let name = "strandline_has_place"

    private let scope: PartitionScope

    init(_ scope: PartitionScope) {
        self.scope = scope
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        let place = CursorValue(arguments.value(0)).flatMap { scope.order.key($0) }
        context.result(place.map { scope.start.isComparable(to: $0) } ?? false ? 1 as Int64 : 0)
    }
}

extension PartitionView {
    /// Refuses a column that holds values none of which has a place in the order: no partition would find a row, and all
    /// would pass for loaded.
    ///
    /// The first row that has one is enough.
    func refuseUnplaced(_ scope: PartitionScope, _ session: LoadSession) throws(LoadStop) {
        let column = "r." + quoted(self.column.source)
        let filled = "FROM \(relation.sql) AS r WHERE \(column) IS NOT NULL"
        try session.connection.stopping { db throws(SQLiteError) in
            try db.createFunction(
                ScalarFunction(name: PlaceFunction.name, arguments: 1, body: PlaceFunction(scope)))
        }
        guard try session.value("SELECT 1 \(filled) AND \(PlaceFunction.name)(\(column)) LIMIT 1") == nil,
            let sample = try session.value("SELECT \(column) \(filled) LIMIT 1")
        else { return }
        let isNumber =
            switch sample {
            case .integer, .real: true
            case .text, .blob: false
            }
        let expected = scope.order == .plain ? "a number" : scope.order.expectation
        throw .failure(
            Failure(
                .cursorFormat,
                "no row of the source has a place in any partition: column \(self.column.source) holds "
                    + "\(sample.display), which is not \(expected)",
                hint: isNumber && scope.order == .instants
                    ? "say the format in partition_by: unix_seconds, unix_millis or unix_micros; or, if they are no times, "
                        + "an interval that is a count"
                    : "correct the format and the interval of partition_by, or slice by another column",
                field: "partition_by.format"))
    }
}
