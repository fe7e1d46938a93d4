internal import Model
internal import Platform
internal import Store

extension StoredDefinition {
    /// The keys that an answer adds to the definition; a body may hold them, so that an answer can be sent back.
    static let addedKeys = ["version", "created_at", "updated_at"]

    /// The definition as it was written, with its version: `${NAME}` stays a name.
    func wire() throws(Problem) -> JSONValue {
        guard case .object(let members) = try JSONValue(stored: definition) else { throw .unreadableDocument }
        return .object(
            members + [
                .init("version", .integer(Int64(version))), .init("created_at", .string(createdAt.rfc3339)),
                .init("updated_at", .string(updatedAt.rfc3339)),
            ])
    }

    /// The tag that a change may ask for.
    var tag: EntityTag { EntityTag(version: version) }
}

extension TableSummary {
    /// A table or view as a test of its connection lists it.
    var wire: JSONValue {
        .object([
            "name": .string(name), "kind": isView ? "view" : "table",
            "columns": .array(columns.map(\.wire)),
        ])
    }
}

extension TableSummary.Column {
    /// The column as its table declares it.
    var wire: JSONValue {
        .object([
            "name": .string(name), "type": .string(type),
            "primary_key": JSONValue(keyPosition == 0 ? nil : keyPosition),
        ])
    }
}

extension JSONValue {
    /// The value of a text that the control database holds.
    init(stored text: String) throws(Problem) {
        do throws(Failure) { try self.init(parsing: text.utf8) } catch { throw .unreadableDocument }
    }
}

extension Problem {
    /// The control database holds what this program did not put there.
    static var unreadableDocument: Problem {
        Problem(
            500, Failure.Code.internalError.rawValue, "A stored document cannot be read.",
            hint: "PUT the document again, or restore the control database from a backup.")
    }
}
