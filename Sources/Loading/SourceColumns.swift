internal import Model
internal import SQLite

/// Gives the columns of a source other names and types, before anything else looks at them.
///
/// The columns become a temporary view over the source's rows, so that everything behind it (window, write, checks,
/// comparison, audit) knows the new names only. SQLite looks through such a view: an index of the table still serves a
/// column that is only renamed.
struct SourceColumns {
    static let view = "_strandline_columns"
    let connection: Connection
    let step: LoadStep

    /// The relation under its new names; itself where the step changes none.
    func applied(to relation: SourceRelation) throws(LoadStop) -> SourceRelation {
        guard !step.columns.rename.isEmpty || !step.columns.cast.isEmpty else { return relation }
        let columns = try renamed(relation.shape)
        try refuseUnknownCasts(columns, relation)
        let key = step.primaryKey.compactMap { name in columns.first { fold($0.name) == fold(name) }?.source }
        let selected = columns.map { column in
            let source = quoted(column.source)
            guard let type = cast(of: column.name) else { return "\(source) AS \(quoted(column.name))" }
            let arguments = ["'\(type.rawValue)'", CastFunction.text(column.name), source] + key.map(quoted)
            return "\(CastFunction.name)(\(arguments.joined(separator: ", "))) AS \(quoted(column.name))"
        }
        try connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP VIEW IF EXISTS temp.\(SourceColumns.view)")
            try db.execute(
                "CREATE TEMP VIEW \(SourceColumns.view) AS SELECT \(selected.joined(separator: ", ")) "
                    + "FROM \(relation.sql)")
        }
        return SourceRelation(
            shape: shape(relation.shape, columns), sql: "temp.\(SourceColumns.view)",
            views: [SourceColumns.view] + relation.views,
            sourceNames: Dictionary(uniqueKeysWithValues: columns.map { (fold($0.name), $0.source) }))
    }

    private func cast(of name: String) -> CastType? { step.columns.cast.first { fold($0.column) == fold(name) }?.type }

    /// Every column with the name it has from here on.
    private func renamed(_ shape: TableShape) throws(LoadStop) -> [(source: String, name: String)] {
        for (source, _) in step.columns.rename where shape.column(source) == nil {
            throw .failure(unknown(source, "columns.rename", shape))
        }
        let columns = shape.columns.map { column in
            (
                source: column.name,
                name: step.columns.rename.first { fold($0.source) == fold(column.name) }?.name
                    ?? column.name
            )
        }
        var seen: Set<String> = []
        for column in columns where !seen.insert(fold(column.name)).inserted {
            throw .failure(
                Failure(
                    .invalidValue, "two columns of \(shape.name) would be called \(column.name)",
                    hint: "give one of them another name, or leave it out with a query", field: "columns.rename"))
        }
        return columns
    }

    private func refuseUnknownCasts(
        _ columns: [(source: String, name: String)], _ relation: SourceRelation
    ) throws(LoadStop) {
        for (name, _) in step.columns.cast where !columns.contains(where: { fold($0.name) == fold(name) }) {
            throw .failure(unknown(name, "columns.cast", relation.shape))
        }
    }

    private func unknown(_ name: String, _ field: String, _ shape: TableShape) -> Failure {
        Failure(
            .unknownColumn, "the source \(shape.name) has no column \(name)",
            hint: "its columns are " + shape.columns.map(\.name).joined(separator: ", ")
                + "; correct the document, or restore the column", field: field)
    }

    /// The shape under the new names. A column that is cast has no index any more, and no key holds it to be unique.
    private func shape(_ shape: TableShape, _ columns: [(source: String, name: String)]) -> TableShape {
        func name(_ source: String) -> String {
            columns.first { fold($0.source) == fold(source) }?.name ?? source
        }
        var new = shape
        new.columns = shape.columns.map { column in
            var column = column
            column.name = name(column.name)
            column.isGenerated = false
            if let type = cast(of: column.name) {
                column.type = type.declared
                column.isRequired = false
            }
            return column
        }
        let isPlain = { (source: String) in cast(of: name(source)) == nil }
        new.orderedBy = Set(shape.orderedBy.filter(isPlain).map { fold(name($0)) })
        new.uniqueKeys = shape.uniqueKeys.filter { $0.columns.allSatisfy(isPlain) }.map { key in
            UniqueKey(columns: Set(key.columns.map { fold(name($0)) }), isBinary: key.isBinary)
        }
        new.rowNumber = shape.rowNumber.flatMap { isPlain($0) ? fold(name($0)) : nil }
        return new
    }
}

/// The SQL function `strandline_cast(type, column, value, key…)`: the value as another type, or a failure that names the
/// row. Nothing is converted that would not convert back to the same.
final class CastFunction: ScalarFunctionBody {
    static let name = "strandline_cast"
    private let key: [String]
    /// The first value that could not be cast.
    private(set) var failure: Failure?

    /// The names of the key's columns, for failures.
    init(key: [String]) {
        self.key = key
    }

    /// A text in SQL.
    static func text(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        let type = arguments.value(0).string.flatMap { CastType(rawValue: $0) } ?? .text
        let value = arguments.value(2)
        if let cast = type.cast(value) { return context.result(cast) }
        let row = zip(key, 3..<max(3, arguments.count)).map { name, index in
            "\(name) \(CursorValue(arguments.value(index))?.display ?? "NULL")"
        }.joined(separator: ", ")
        let column = arguments.value(1).string ?? ""
        let failed = Failure(
            .castFailed,
            "column \(column) holds \(CursorValue(value)?.display ?? "NULL")\(row.isEmpty ? "" : " in the row with \(row)"), "
                + "which is no \(type.words)\(Failure.unchanged)",
            hint: "mend the row in the source, or leave out the cast", field: "columns.cast")
        if failure == nil { failure = failed }
        context.fail(failed.message)
    }
}

extension CastType {
    /// The type that a column made for it is declared with.
    var declared: String {
        switch self {
        case .integer: "INTEGER"
        case .real: "REAL"
        case .text: "TEXT"
        }
    }

    fileprivate var words: String {
        switch self {
        case .integer: "whole number of 64 bits"
        case .real: "number that a REAL keeps exactly"
        case .text: "text"
        }
    }

    /// The value as this type; nil where it is none.
    func cast(_ value: Value) -> Value? {
        switch (self, value) {
        case (_, .null), (.integer, .integer), (.real, .real), (.text, .text): value
        case (.integer, .real(let number)): Int64(exactly: number).map { .integer($0) }
        case (.integer, .text(let text)): Int64(String(decoding: text.bytes, as: UTF8.self)).map { .integer($0) }
        case (.real, .integer(let number)): Double(exactly: number).map { .real($0) }
        case (.real, .text(let text)): CastType.number(text.bytes).map { .real($0) }
        case (.text, .integer(let number)): .text(Text(String(number)))
        case (.text, .real(let number)): .text(Text(String(number)))
        case (.text, .blob(let bytes)): String(validating: bytes, as: UTF8.self).map { .text(Text($0)) }
        case (.integer, .blob), (.real, .blob): nil
        }
    }

    /// A decimal number with or without a fraction and an exponent.
    private static func number(_ bytes: [UInt8]) -> Double? {
        let isDecimal = bytes.allSatisfy { (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }
        guard isDecimal, let number = Double(String(decoding: bytes, as: UTF8.self)), number.isFinite else {
            return nil
        }
        return number
    }
}
