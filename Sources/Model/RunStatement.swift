/// A statement as a load ran it.
public struct RunStatement: Sendable, Equatable {
    /// Its text.
    public var sql: String
    /// Whether the text was too long to keep and ends early.
    public var isShortened: Bool
    /// The values bound to its parameters, in order.
    public var parameters: [Parameter]

    /// A value bound to a parameter.
    public struct Parameter: Sendable, Equatable {
        /// The value; nil for NULL.
        public var value: CursorValue?
        /// What it stands for.
        public var meaning: String

        /// Makes a parameter.
        public init(value: CursorValue?, meaning: String) {
            self.value = value
            self.meaning = meaning
        }
    }

    /// Makes a statement.
    public init(sql: String, isShortened: Bool = false, parameters: [Parameter] = []) {
        self.sql = sql
        self.isShortened = isShortened
        self.parameters = parameters
    }

    /// The statement for answers and for storage.
    public var json: JSONValue {
        let parameters = parameters.map { parameter in
            JSONValue.object(["value": parameter.value?.json ?? .null, "meaning": .string(parameter.meaning)])
        }
        return .object([
            "sql": .string(sql), "shortened": .bool(isShortened), "parameters": .array(parameters),
        ])
    }

    init?(json: JSONValue) {
        guard let sql = json["sql"]?.string, let parameters = json["parameters"]?.array else { return nil }
        self.init(
            sql: sql, isShortened: json["shortened"] == true,
            parameters: parameters.map {
                Parameter(
                    value: $0["value"].flatMap { CursorValue(json: $0) }, meaning: $0["meaning"]?.string ?? "")
            })
    }
}
