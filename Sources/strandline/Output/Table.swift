/// A table for people: columns as wide as their longest cell, numbers to the right.
struct Table {
    private let headings: [String]
    private let rightAligned: Set<Int>
    private var rows: [[String]] = []

    /// Makes a table; headings that end in `>` stand over columns of numbers, the `>` is not shown.
    init(_ headings: String...) {
        rightAligned = Set(headings.indices.filter { headings[$0].hasSuffix(">") })
        self.headings = headings.map { $0.hasSuffix(">") ? String($0.dropLast()) : $0 }
    }

    /// Adds a row of as many cells as there are headings.
    mutating func add(_ cells: String...) {
        rows.append(cells.map(Terminal.safe))
    }

    /// Whether it has no rows.
    var isEmpty: Bool { rows.isEmpty }

    /// The lines of the table, each without spaces at its end.
    var text: String { text(painted: { _, cell in cell }) }

    /// The same with cells as `paint` shows them, given their column: it may add what takes no width. The headings stay.
    func text(painted paint: (Int, String) -> String) -> String {
        let all = [headings] + rows
        let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.enumerated().map { place, row in
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                let cell = place == 0 ? cell : paint(column, cell)
                return rightAligned.contains(column) ? space + cell : cell + space
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
