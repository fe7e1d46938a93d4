internal import Model
internal import Platform
internal import SQLite

extension LoadChecks {
    /// The statements by which the step's checks look at the rows of a commit, for plans.
    struct Statements {
        /// Those on the staged rows.
        var staged: [String] = []
        /// Those on the destination as it is after the write.
        var written: [String] = []
    }

    /// The statements for rows that are staged as `rows` says and go into `table`; refuses checks of columns that are not
    /// loaded.
    func statements(
        _ rows: CheckedRows, into table: DestinationTable, isUsedUp: Bool, isRebuild: Bool, at now: Timestamp
    ) throws(LoadStop) -> Statements {
        var statements = Statements()
        if checks.contains(where: \.readsRows) {
            try refuseUnknownColumns(rows)
            let statement = CheckStatement(rows: rows, destination: table.sql)
            for check in checks where check.onFail == .quarantine {
                guard let failing = statement.setAside(check.rule, isRebuild: isRebuild) else { continue }
                statements.staged.append(statement.find(failing).sql)
            }
            statements.staged += [valuePass(statement)?.pass.sql].compactMap { $0 }
            let kept = isUsedUp && looksAfterwards ? rows.copied(to: LoadChecks.copy) : rows
            statements.written = written(CheckStatement(rows: kept, destination: table.sql), table)
        }
        for check in checks {
            guard case .freshness(let name?, let format, _) = check.rule, let column = table.shape?.column(name)?.name
            else { continue }
            statements.written += [FreshnessLook.newest(column, format, table, now)?.sql].compactMap { $0 }
        }
        return statements
    }

    private func written(_ statement: CheckStatement, _ table: DestinationTable) -> [String] {
        checks.compactMap { check in
            switch check.rule {
            case .unique(let columns): statement.count(statement.shared(columns)).sql
            case .sql(let query, _): SQLCheck.statement(query, statement.rows, table)
            default: nil
            }
        }
    }
}
