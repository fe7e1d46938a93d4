/// What a look at a table has found that holds the change events of another one.
public struct EventFacts: Sendable, Equatable {
    /// How the events are written.
    public var shape: ChangeLogFormat.Shape
    /// The column of the operation, in the flat shape.
    public var operation: String?
    /// The column of the row as JSON, in the flat shape; nil where the row lies in columns.
    public var data: String?
    /// The column of the envelope; nil where its members are columns.
    public var envelope: String?
    /// The column that orders the events, where it has to be named.
    public var sequence: String?
    /// What names a row; empty where nothing was found to.
    public var key: [String] = []
    /// The events that were looked at.
    public var examined: Int

    /// Makes facts of events without a key.
    public init(
        shape: ChangeLogFormat.Shape, operation: String? = nil, data: String? = nil, envelope: String? = nil,
        sequence: String? = nil, examined: Int
    ) {
        self.shape = shape
        self.operation = operation
        self.data = data
        self.envelope = envelope
        self.sequence = sequence
        self.examined = examined
    }

    /// The events' `change_log`, for a document.
    var document: JSONValue {
        switch shape {
        case .flat:
            .object(
                [("operation", operation), ("data", data)].compactMap { name, column in
                    column.map { JSONValue.Member(name, .string($0)) }
                })
        case .debezium: envelope.map { .object(["envelope": .string($0)]) } ?? "debezium"
        case .strandline: "strandline"
        }
    }
}
