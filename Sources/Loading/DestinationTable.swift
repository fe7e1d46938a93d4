internal import Model
internal import SQLite

/// The SQL that makes and compares a destination's table.
struct DestinationTable {
    /// The table in SQL, with its schema.
    let sql: String
    /// The beginning of an INSERT into it. A conflict clause of the table itself must not drop or replace rows unseen;
    /// and a load that fails ends its transaction anyway, so SQLite need not keep what would undo the statement alone.
    var insert: String { "INSERT OR ROLLBACK INTO \(sql)" }
    /// Its shape; nil while it does not exist.
    let shape: TableShape?
    let step: LoadStep

    init(step: LoadStep, shape: TableShape?) {
        self.step = step
        self.shape = shape
        sql = "main.\(quoted(shape?.name ?? step.destination.table))"
    }

    /// The statements that make the table from the source's declared columns and its key.
    ///
    /// An append destination keeps every version of a row, so its key names no row; it gets an index on the cursor
    /// instead, by which a run finds what it has loaded already.
    func create(_ match: SchemaMatch, _ relation: SourceRelation) -> [String] {
        let columns = loaded(match, relation)
        let key = isKeyed ? TableKey(step: step, columns: columns, source: relation.shape) : nil
        var lines = columns.map { column in
            var line = quoted(column.name)
            if let type = DestinationTable.type(column.type) { line += " " + type }
            if key?.required.contains(fold(column.name)) ?? false { line += " NOT NULL" }
            return line
        }
        if let column = softDeletes { lines.append("\(quoted(column.name)) \(column.type)") }
        if let key { lines.append(key.sql) }
        var statements = ["CREATE TABLE \(sql) (\n    \(lines.joined(separator: ",\n    "))\n)"]
        if !isKeyed, let cursor = step.cursor {
            let name = "\(step.destination.table)_by_\(cursor.column)"
            statements.append(
                "CREATE INDEX main.\(quoted(name)) ON \(quoted(step.destination.table)) (\(quoted(cursor.column)))")
        }
        return statements
    }

    /// The column that tells when a row was gone from the source, where the step wants one.
    private var softDeletes: ColumnShape? { step.softDelete.map { ColumnShape(name: $0, type: "TEXT") } }

    /// Whether the table holds one row for each key.
    private var isKeyed: Bool { step.writeMode != .append || step.strategy == .fullRefresh }

    /// The source's columns that a new table is made of.
    private func loaded(_ match: SchemaMatch, _ relation: SourceRelation) -> [ColumnShape] {
        match.pairs.compactMap { relation.shape.column($0.source) }
    }

    /// The table as it will be once it was made, or was given the columns it lacks.
    func prepared(_ match: SchemaMatch, _ relation: SourceRelation) -> DestinationTable {
        var shape = shape ?? TableShape(name: step.destination.table, kind: .table, columns: [])
        let isNew = self.shape == nil
        let columns = isNew ? loaded(match, relation) : match.added
        for column in columns + (isNew ? [softDeletes].compactMap { $0 } : []) {
            let type = DestinationTable.type(column.type) ?? ""
            shape.columns.append(ColumnShape(name: column.name, type: type))
        }
        if isNew, isKeyed, let key = TableKey(step: step, columns: columns, source: relation.shape) {
            shape.uniqueKeys = [UniqueKey(columns: Set(key.columns.map(fold)), isBinary: true)]
        }
        return DestinationTable(step: step, shape: shape)
    }

    /// The statement that adds a column of the source to the table.
    func add(_ column: ColumnShape) -> String {
        let type = DestinationTable.type(column.type).map { " " + $0 } ?? ""
        return "ALTER TABLE \(sql) ADD COLUMN \(quoted(column.name))\(type)"
    }

    /// Words that SQLite takes for no part of a type.
    private static let reservedWords: Set<String> = [
        "add", "all", "alter", "always", "and", "as", "autoincrement", "between", "case", "check", "collate", "commit",
        "constraint", "create", "default", "deferrable", "delete", "distinct", "drop", "else", "escape", "except",
        "exists", "foreign", "from", "generated", "group", "having", "if", "in", "index", "insert", "intersect", "into",
        "is", "isnull", "join", "limit", "not", "nothing", "notnull", "null", "on", "or", "order", "primary",
        "references", "returning", "select", "set", "table", "then", "to", "transaction", "union", "unique", "update",
        "using", "values", "when", "where",
    ]

    /// A declared type as it may be written in another table; nil for none.
    ///
    /// Outside STRICT tables ANY would turn texts that look like numbers into numbers, so it becomes no type. A type
    /// with odd characters or with a keyword of a constraint is quoted, and then only gives its affinity.
    static func type(_ declared: String) -> String? {
        guard !declared.isEmpty, fold(declared) != "any" else { return nil }
        let words = fold(declared).split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        let isPlain =
            declared.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
                    || byte == 32
            } && !declared.hasPrefix(" ") && !(48...57).contains(declared.utf8.first ?? 48)
        if isPlain, reservedWords.isDisjoint(with: words) { return declared }
        // `VARCHAR(20)` and `DECIMAL(10, 2)`.
        if let open = declared.firstIndex(of: "("), declared.hasSuffix(")") {
            let name = String(declared[..<open]).trimmingSpaces
            let sizes = declared[declared.index(after: open)..<declared.index(before: declared.endIndex)]
            let isSize = sizes.utf8.allSatisfy { (48...57).contains($0) || $0 == 44 || $0 == 32 }
            if isSize, sizes.contains(where: \.isNumber), type(name) == name { return declared }
        }
        return quoted(declared)
    }

    /// The condition that two rows differ in any of these columns, to the byte and to the storage class.
    static func differs(_ columns: [String], _ shape: TableShape?, old: String, new: String) -> String {
        differs(columns.map { SchemaMatch.Pair(source: $0, destination: $0) }, shape, old: old, new: new)
    }

    /// The condition that a row of the destination, `old`, differs from one of the source, `new`, in any of these
    /// columns, to the byte and to the storage class; where their affinities are alike, or the new values were
    /// converted to the destination's.
    static func differs(_ pairs: [SchemaMatch.Pair], _ shape: TableShape?, old: String, new: String) -> String {
        pairs.map { pair in
            let left = "\(old).\(quoted(pair.destination))"
            let right = "\(new).\(quoted(pair.source))"
            let byValue = "\(left) IS NOT \(right) COLLATE BINARY"
            // Such a column can hold 1 beside 1.0 and '1', which compare as equal or nearly so.
            return shape?.affinity(of: pair.destination) == Affinity.none
                ? "\(byValue) OR typeof(\(left)) IS NOT typeof(\(right))" : byValue
        }.joined(separator: " OR ")
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var text = self[...]
        while text.hasSuffix(" ") { text.removeLast() }
        return String(text)
    }
}
