internal import Model

/// The key of a destination table that is to be made: the step's, else the one that the source's table declares.
struct TableKey {
    /// Its columns in their order.
    let columns: [String]
    /// Those of them, folded, that are never NULL.
    let required: Set<String>
    /// The constraint that declares it.
    let sql: String

    /// Finds the key for a table of `columns`; nil where there is none, or where not all of it is loaded.
    init?(step: LoadStep, columns: [ColumnShape], source: TableShape) {
        let declared = source.declaredKey
        let isStep = !step.primaryKey.isEmpty
        self.columns = isStep ? step.primaryKey : declared.map(\.name)
        let names = Set(self.columns.map(fold))
        let found = columns.filter { names.contains(fold($0.name)) }
        guard !names.isEmpty, found.count == names.count else { return nil }
        // Declared as the primary key, a single INTEGER column is the row number, which is never NULL and no text.
        let isRowNumber = found.count == 1 && fold(found[0].type) == "integer"
        // Where the source keeps such a key as an ordinary column, it may hold both.
        let isOrdinary = isRowNumber && !isStep && source.rowNumber != fold(found[0].name)
        let required = found.filter { isStep || $0.isRequired }.map { fold($0.name) }
        self.required = isRowNumber && !isOrdinary ? [] : Set(required)
        sql = "\(isOrdinary ? "UNIQUE" : "PRIMARY KEY") (\(self.columns.map(quoted).joined(separator: ", ")))"
    }
}
