/// A row in which the destination differs from what a full refresh would write.
public struct AuditDifference: Sendable, Equatable {
    /// Its number among the differences of its audit, from 1.
    public var number: Int
    /// What is the matter with it.
    public var kind: AuditResult.Sample.Kind
    /// Its key by column, or all of its columns where the step has no key.
    public var key: JSONValue
    /// The columns that differ, each with its value on both sides as `source` and `destination`; empty for a row that one
    /// side lacks.
    public var columns: JSONValue

    /// Makes a difference.
    public init(number: Int, kind: AuditResult.Sample.Kind, key: JSONValue, columns: JSONValue = .object([])) {
        self.number = number
        self.kind = kind
        self.key = key
        self.columns = columns
    }
}
