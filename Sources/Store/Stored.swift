internal import Model
internal import Platform
internal import SQLite

// How the model's values are kept in columns, each with its way back.

extension CursorValue {
    /// The same value in its own storage class.
    var stored: Value {
        switch self {
        case .integer(let integer): .integer(integer)
        case .real(let real): .real(real)
        case .text(let bytes): .text(Text(bytes: bytes))
        case .blob(let bytes): .blob(bytes)
        }
    }

    /// The value that `stored` was made of; nil for NULL.
    init?(stored value: Value) {
        switch value {
        case .null: return nil
        case .integer(let integer): self = .integer(integer)
        case .real(let real): self = .real(real)
        case .text(let text): self = .text(text.bytes)
        case .blob(let bytes): self = .blob(bytes)
        }
    }
}

extension JSONValue {
    /// The value of a stored JSON text; nil for other text.
    init?(stored text: String) {
        do throws(Failure) { try self.init(parsing: text.utf8) } catch { return nil }
    }
}

extension Failure {
    /// The failure as JSON text.
    var stored: String {
        JSONValue.object([
            "code": .string(code.rawValue), "message": .string(message), "hint": .string(hint),
            "field": JSONValue(field), "line": JSONValue(mark?.line), "column": JSONValue(mark?.column),
            "transient": .bool(isTransient),
        ]).text()
    }

    /// The failure that `stored` was made of; nil for other text.
    init?(stored text: String) {
        guard let json = JSONValue(stored: text), let code = json["code"]?.string,
            let message = json["message"]?.string,
            let hint = json["hint"]?.string
        else { return nil }
        var mark: Mark?
        if let line = json["line"]?.integer, let column = json["column"]?.integer {
            mark = Mark(line: Int(line), column: Int(column))
        }
        // A code of a newer program is shown as our own mistake rather than hidden.
        self.init(
            Code(rawValue: code) ?? .internalError, message, hint: hint, field: json["field"]?.string, mark: mark,
            isTransient: json["transient"] == .bool(true))
    }
}

extension [CursorValue] {
    /// The values as JSON text.
    var stored: String { JSONValue.array(map(\.json)).text() }

    /// The values that `stored` was made of; nil for other text.
    init?(stored text: String) {
        guard let items = JSONValue(stored: text)?.array else { return nil }
        self = items.compactMap { CursorValue(json: $0) }
        guard count == items.count else { return nil }
    }
}

extension [LoadWarning] {
    /// The warnings as JSON text.
    var stored: String {
        JSONValue.array(map { .object(["code": .string($0.code), "message": .string($0.message)]) }).text()
    }

    /// The warnings that `stored` was made of; nil for other text.
    init?(stored text: String) {
        guard let items = JSONValue(stored: text)?.array else { return nil }
        self = items.compactMap { item in
            guard let code = item["code"]?.string, let message = item["message"]?.string else { return nil }
            return LoadWarning(code: code, message: message)
        }
        guard count == items.count else { return nil }
    }
}

extension [CheckResult] {
    /// The results as JSON text.
    var stored: String { JSONValue.array(map(\.json)).text() }

    /// The results that `stored` was made of; nil for other text.
    init?(stored text: String) {
        guard let items = JSONValue(stored: text)?.array else { return nil }
        self = items.compactMap { CheckResult(json: $0) }
        guard count == items.count else { return nil }
    }
}

extension LoadManifest {
    /// The manifest that `stored`, its JSON as text, was made of; nil for other text.
    init?(stored text: String) {
        guard let json = JSONValue(stored: text) else { return nil }
        self.init(json: json)
    }
}

extension Value {
    /// Microseconds, or NULL for nil.
    init(_ timestamp: Timestamp?) {
        self = Value(timestamp?.microseconds)
    }
}

extension Row {
    /// The instant in a column.
    func timestamp(_ name: String) throws(SQLiteError) -> Timestamp {
        Timestamp(microseconds: try int(name))
    }

    /// The instant in a column, nil for NULL.
    func optionalTimestamp(_ name: String) throws(SQLiteError) -> Timestamp? {
        try optionalInt(name).map { Timestamp(microseconds: $0) }
    }

    /// The text in a column made into something else; an error when that cannot be done.
    func decoded<Item>(_ name: String, _ make: (String) -> Item?) throws(SQLiteError) -> Item {
        let text = try text(name)
        guard let item = make(text) else {
            throw SQLiteError.unreadable(name, text)
        }
        return item
    }

    /// The failure in a column, nil for NULL.
    func optionalFailure(_ name: String) throws(SQLiteError) -> Failure? {
        self[name].isNull ? nil : try decoded(name) { Failure(stored: $0) }
    }
}
