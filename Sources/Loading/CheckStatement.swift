internal import Model
internal import Platform
internal import SQLite

/// The SQL by which checks look at rows.
///
/// Pure: it only writes SQL.
struct CheckStatement {
    /// The staged rows that are checked.
    let rows: CheckedRows
    /// The destination's table in SQL.
    let destination: String

    /// The condition that a staged row fails a check before it is written; nil for a check that is not about its values.
    func failing(_ rule: Check.Rule) -> DeltaStatement.Text? {
        switch rule {
        case .notNull(let columns):
            return text(columns.map { "\(quoted($0)) IS NULL" }.joined(separator: " OR "))
        case .acceptedValues(let column, let values):
            // A NULL makes this NULL, which is not true.
            let marks = values.map { _ in "?" }.joined(separator: ", ")
            return text("\(quoted(column)) NOT IN (\(marks))", values.map(\.value), "an accepted value")
        case .range(let column, let min, let max): return range(column, min, max)
        case .unique, .rowCount, .rowCountDelta, .freshness, .sql: return nil
        }
    }

    /// The bounds are compared as they are: the column's affinity would turn a number into a text beside a text.
    private func range(_ column: String, _ min: CursorValue?, _ max: CursorValue?) -> DeltaStatement.Text {
        let column = quoted(column)
        var parts: [String] = []
        var text = text("")
        for (bound, sign, meaning) in [(min, "<", "the lowest value"), (max, ">", "the highest value")] {
            guard let bound else { continue }
            parts.append("+\(column) \(sign) ?")
            text.parameters.append(bound.value)
            text.meanings.append(meaning)
        }
        var isText = false
        if case .text? = min ?? max { isText = true }
        parts.append("typeof(\(column)) " + (isText ? "<> 'text'" : "NOT IN ('integer', 'real')"))
        text.sql = "\(column) IS NOT NULL AND (\(parts.joined(separator: " OR ")))"
        return text
    }

    /// The condition that a staged row shares its values in `columns` with another row of the destination as it is after
    /// the write.
    func shared(_ columns: [String]) -> DeltaStatement.Text {
        let list = columns.map(quoted).joined(separator: ", ")
        let same = columns.map { "d.\(quoted($0)) = s.\(quoted($0)) COLLATE BINARY" }.joined(separator: " AND ")
        return text(
            """
            (\(list)) IN (SELECT \(columns.map { "s." + quoted($0) }.joined(separator: ", ")) \
            FROM (SELECT DISTINCT \(list) FROM \(rows.sql) WHERE \(present(columns))) AS s \
            JOIN \(destination) AS d ON \(same) \
            GROUP BY \(columns.map { "s." + quoted($0) }.joined(separator: ", ")) HAVING count(*) > 1)
            """)
    }

    /// The condition that a staged row shares its values in `columns` with another staged row, or with a row of the
    /// destination that no staged row replaces; but for a row that has these values in the destination already.
    func clashing(_ columns: [String], isRebuild: Bool) -> DeltaStatement.Text {
        let list = columns.map(quoted).joined(separator: ", ")
        let within =
            "(\(list)) IN (SELECT \(list) FROM \(rows.sql) WHERE \(present(columns)) GROUP BY \(list) HAVING count(*) > 1)"
        guard !isRebuild else { return text(within) }
        let same = columns.map { "d.\(quoted($0)) = s.\(quoted($0)) COLLATE BINARY" }.joined(separator: " AND ")
        let key = rows.key.map { "k.\(quoted($0)) = d.\(quoted($0)) COLLATE BINARY" }.joined(separator: " AND ")
        let number = quoted(rows.rowNumber)
        let held = rows.key.map { "d.\(quoted($0)) = s.\(quoted($0)) COLLATE BINARY" }.joined(separator: " AND ")
        return text(
            """
            (\(within) OR \(number) IN (SELECT s.\(number) FROM \(rows.sql) AS s JOIN \(destination) AS d ON \(same) \
            WHERE NOT EXISTS (SELECT 1 FROM \(rows.sql) AS k WHERE \(key)))) \
            AND \(number) NOT IN (SELECT s.\(number) FROM \(rows.sql) AS s JOIN \(destination) AS d ON \(held) AND \(same))
            """)
    }

    /// The condition that a staged row is set aside by a check which says so; nil for a check that is not about rows.
    func setAside(_ rule: Check.Rule, isRebuild: Bool) -> DeltaStatement.Text? {
        if case .unique(let columns) = rule { return clashing(columns, isRebuild: isRebuild) }
        return failing(rule)
    }

    /// Counts the staged rows that meet a condition.
    func count(_ condition: DeltaStatement.Text) -> DeltaStatement.Text {
        condition.within("SELECT count(*) FROM \(rows.sql) WHERE \(condition.sql)")
    }

    /// Finds the staged rows that meet a condition, by their numbers; one more than may be set aside.
    func find(_ condition: DeltaStatement.Text) -> DeltaStatement.Text {
        condition.within(
            "SELECT \(quoted(rows.rowNumber)) FROM \(rows.sql) WHERE \(condition.sql) "
                + "LIMIT \(Limits.quarantinedRows + 1)")
    }

    private func present(_ columns: [String]) -> String {
        columns.map { "\(quoted($0)) IS NOT NULL" }.joined(separator: " AND ")
    }

    private func text(_ sql: String, _ parameters: [Value] = [], _ meaning: String = "") -> DeltaStatement.Text {
        DeltaStatement.Text(sql: sql, parameters: parameters, meanings: parameters.map { _ in meaning })
    }
}

/// Staged rows, as checks see them: in the columns of the destination.
struct CheckedRows {
    /// The table that holds them.
    let sql: String
    /// Their columns.
    let columns: [String]
    /// Those that name a row; empty when it has no key.
    let key: [String]
    /// Whether rows that share a key are versions of a row which are all kept.
    var keepsVersions = false
    /// The query for the keys of rows that go at the same time; nil where none do.
    var removed: String?
    /// Whether all rows that were there before go.
    var replacesAll = false
    /// Whether they are newer than what earlier commits have set aside.
    var isNewest = true

    /// The name under which their row numbers are reached: one that no column bears.
    var rowNumber: String {
        freeRowNumber(among: columns) ?? "rowid"
    }

    /// The same rows in another table.
    func copied(to sql: String) -> CheckedRows {
        CheckedRows(sql: sql, columns: columns, key: key, keepsVersions: keepsVersions)
    }

    /// The column of a name.
    func column(_ name: String) -> String? { columns.first { fold($0) == fold(name) } }
}

extension CheckedRows {
    /// The staged rows of a delta.
    init(_ delta: DeltaStatement) {
        func staged(_ name: String) -> String? {
            delta.columns.first { fold($0.source) == fold(name) }?.destination
        }
        self.init(
            sql: DeltaStage.table, columns: delta.columns.map(\.destination), key: delta.keyColumns.compactMap(staged),
            keepsVersions: delta.step.writeMode == .append)
    }
}
