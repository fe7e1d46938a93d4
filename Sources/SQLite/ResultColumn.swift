/// One column of a statement's result, as known before it runs.
public struct ResultColumn: Sendable, Hashable {
    /// The name in the result: the alias, or the column's own name.
    public let name: String
    /// The type that the table declares for it; nil for an expression and for a column without a type.
    public let declaredType: String?
    /// The name of the attached database it comes from; nil for an expression.
    public let database: String?
    /// The table it comes from; nil for an expression.
    public let table: String?
    /// The table's column it comes from; nil for an expression.
    public let column: String?
}
