internal import Model
internal import SQLite

/// A column as its table declares it.
struct ColumnShape: Equatable {
    var name: String
    /// The declared type; empty when there is none.
    var type: String
    var isRequired = false
    /// Whether it has a default, so that an INSERT may leave it out though it is required.
    var hasDefault = false
    /// Its place in the primary key, from 1; 0 when it is not part of it.
    var keyPosition = 0
    /// Computed by the table itself, so that it cannot be written.
    var isGenerated = false
}

/// A unique index or primary key: its columns, folded, with their collations.
struct UniqueKey: Equatable {
    var columns: Set<String>
    var isBinary: Bool
    /// The collations of those columns, folded, that have another than BINARY.
    var collations: [String: String] = [:]
}

/// What a table, view or query looks like: its columns and what may be said of its rows.
struct TableShape: Equatable {
    enum Kind { case table, view, virtual, query }

    var name: String
    var kind: Kind
    var isStrict = false
    /// Whether its rows have numbers, in whose order they lie.
    var hasRowNumber = false
    var columns: [ColumnShape]
    var uniqueKeys: [UniqueKey] = []
    /// Columns, folded, by which an index or the table itself is ordered byte by byte.
    var orderedBy: Set<String> = []
    /// The column, folded, that is the row number itself; nil when none is.
    var rowNumber: String?

    /// The column of a name, whatever its case, as SQLite sees it.
    func column(_ name: String) -> ColumnShape? {
        let folded = fold(name)
        return columns.first { fold($0.name) == folded }
    }

    /// The columns of the declared primary key, in its order; empty where there is none.
    var declaredKey: [ColumnShape] {
        columns.filter { $0.keyPosition > 0 }.sorted { $0.keyPosition < $1.keyPosition }
    }

    /// How a column, whatever the case of its name, converts what is stored in it; nil where there is none.
    func affinity(of name: String) -> Affinity? { column(name).map { Affinity(declared: $0.type, isStrict: isStrict) } }

    /// The name by which the rows' numbers are reached; nil where there are none, or columns hide all of their names.
    var rowNumberName: String? {
        hasRowNumber ? freeRowNumber(among: columns.map(\.name)) : nil
    }

    /// By the folded name of a column of the key, the collation by which the table takes different values for equal.
    func keyCollations(_ key: [String]) -> [String: String] {
        let names = Set(key.map(fold))
        let unique = uniqueKeys.filter { $0.columns == names }
        return unique.contains(where: \.isBinary) ? [:] : unique.first?.collations ?? [:]
    }

    /// Whether no two rows share these columns.
    func isUnique(_ names: [String]) -> Bool {
        let set = Set(names.map(fold))
        return uniqueKeys.contains { $0.columns.isSubset(of: set) }
    }
}

/// A name with its ASCII letters in lower case: SQLite compares names so.
func fold(_ name: String) -> String {
    String(decoding: name.utf8.map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }, as: UTF8.self)
}

/// A name as SQL always takes it; names come from documents, which hold no NUL, and from schemas, which cannot.
func quoted(_ name: String) -> String {
    QuotedIdentifier(name)?.sql ?? "\"\""
}

extension Connection {
    /// The shape of a table or view of an attached database; nil when there is none of that name.
    func shape(of table: String, in schema: String) throws(SQLiteError) -> TableShape? {
        guard
            let entry = try rows("PRAGMA \(quoted(schema)).table_list(\(quoted(table)))").first(where: {
                $0["schema"].string.map(fold) == fold(schema)
            })
        else { return nil }
        let name = try entry.text("name")
        let kind: TableShape.Kind
        switch try entry.text("type") {
        case "view": kind = .view
        case "table": kind = .table
        default: kind = .virtual
        }
        var columns: [ColumnShape] = []
        for row in try rows("PRAGMA \(quoted(schema)).table_xinfo(\(quoted(name)))") {
            let hidden = try row.int("hidden")
            guard hidden != 1 else { continue }
            columns.append(
                ColumnShape(
                    name: try row.text("name"), type: try row.text("type"), isRequired: try row.bool("notnull"),
                    hasDefault: !row["dflt_value"].isNull, keyPosition: Int(try row.int("pk")),
                    isGenerated: hidden > 1))
        }
        var shape = TableShape(name: name, kind: kind, isStrict: try entry.bool("strict"), columns: columns)
        guard kind == .table else { return shape }
        let hasKeyIndex = try readIndexes(of: &shape, in: schema)
        let key = columns.filter { $0.keyPosition > 0 }
        shape.hasRowNumber = try entry.int("wr") == 0
        // `INTEGER PRIMARY KEY DESC` has an index like any other key.
        if key.count == 1, !hasKeyIndex, fold(key[0].type) == "integer" {
            let name = fold(key[0].name)
            shape.rowNumber = name
            shape.uniqueKeys.append(UniqueKey(columns: [name], isBinary: true))
            shape.orderedBy.insert(name)
        }
        return shape
    }

    /// Answers whether one of the indexes is the primary key's.
    private func readIndexes(of shape: inout TableShape, in schema: String) throws(SQLiteError) -> Bool {
        var hasKeyIndex = false
        for index in try rows("PRAGMA \(quoted(schema)).index_list(\(quoted(shape.name)))") {
            if try index.text("origin") == "pk" { hasKeyIndex = true }
            guard try !index.bool("partial") else { continue }
            let name = quoted(try index.text("name"))
            let columns = try rows("PRAGMA \(quoted(schema)).index_xinfo(\(name))").filter { $0["key"] == .integer(1) }
            // An index over an expression has a column without a name.
            var names: [String] = []
            var collations: [String: String] = [:]
            for column in columns {
                guard let name = try column.optionalText("name") else {
                    names = []
                    break
                }
                let collation = try column.text("coll")
                if collation != "BINARY" { collations[fold(name)] = collation }
                if names.isEmpty, collation == "BINARY" { shape.orderedBy.insert(fold(name)) }
                names.append(fold(name))
            }
            guard !names.isEmpty, try index.bool("unique") else { continue }
            shape.uniqueKeys.append(
                UniqueKey(columns: Set(names), isBinary: collations.isEmpty, collations: collations))
        }
        return hasKeyIndex
    }

    /// The tables and views of a database, for people.
    func tables(in schema: String) throws(SQLiteError) -> [TableSummary] {
        var summaries: [TableSummary] = []
        for entry in try rows(
            "SELECT name FROM pragma_table_list WHERE schema = ? AND type IN ('table', 'view', 'virtual') "
                + "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_strandline\\_%' ESCAPE '\\' "
                + "ORDER BY name", [.text(schema)])
        {
            // A view over a table that is gone has no columns to show; the others still have.
            let name = try entry.text("name")
            let found: TableShape?
            do throws(SQLiteError) {
                found = try shape(of: name, in: schema)
            } catch  where error.primaryCode == 1 {
                found = TableShape(name: name, kind: .view, columns: [])
            }
            guard let shape = found else { continue }
            summaries.append(
                TableSummary(
                    name: shape.name, isView: shape.kind == .view,
                    columns: shape.columns.map {
                        TableSummary.Column(name: $0.name, type: $0.type, keyPosition: $0.keyPosition)
                    }))
        }
        return summaries
    }
}
