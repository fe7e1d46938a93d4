import Documents
import Model
import Testing

@testable import API

/// `openapi.yaml` as a tree, with as much of JSON Schema as it uses.
struct Contract {
    let root: JSONValue

    init() throws {
        root = try DocumentReader.read(ServerRoutes.contractText).json
    }

    /// The operations: method in capitals, path, and the operation with the parameters of its path.
    var operations: [(method: String, path: String, operation: JSONValue, parameters: [JSONValue])] {
        let methods = ["get", "put", "post", "delete", "patch", "options", "head"]
        var found: [(method: String, path: String, operation: JSONValue, parameters: [JSONValue])] = []
        for path in members(root["paths"]) {
            let shared = path.value["parameters"]?.array ?? []
            for member in members(path.value) where methods.contains(member.key) {
                let own = member.value["parameters"]?.array ?? []
                found.append((member.key.uppercased(), path.key, member.value, (shared + own).map(resolved)))
            }
        }
        return found
    }

    /// The schema that an operation promises for a status, and the type of its body.
    func schema(_ operationID: String, _ status: Int) -> (type: String, schema: JSONValue)? {
        guard
            let operation = operations.first(where: { $0.operation["operationId"]?.string == operationID })?.operation,
            let answer = operation["responses"]?["\(status)"] ?? operation["responses"]?["default"],
            let content = members(resolved(answer)["content"]).first, let schema = content.value["schema"]
        else { return nil }
        return (content.key, schema)
    }

    /// What a `$ref` leads to; anything else is itself.
    func resolved(_ value: JSONValue) -> JSONValue {
        guard let reference = value["$ref"]?.string else { return value }
        var place = root
        for part in reference.dropFirst(2).split(separator: "/") { place = place[String(part)] ?? .null }
        return resolved(place)
    }

    func members(_ value: JSONValue?) -> [JSONValue.Member] {
        if case .object(let members)? = value { members } else { [] }
    }

    /// What is wrong with a value by a schema; `isAnswer` asks for keys that are only read, too.
    func faults(_ value: JSONValue, _ schema: JSONValue, at path: String = "", isAnswer: Bool = true) -> [String] {
        let schema = resolved(schema)
        var found: [String] = []
        if let types = schema["type"] {
            let words = types.array?.compactMap(\.string) ?? [types.string ?? ""]
            if !words.contains(where: { matches(value, $0) }) { return ["\(path): \(value.text()) is no \(words)"] }
        }
        if let words = schema["enum"]?.array, !words.contains(value) { found.append("\(path): not one of \(words)") }
        for key in ["anyOf", "oneOf"] {
            guard let choices = schema[key]?.array else { continue }
            let fits = choices.filter { faults(value, $0, at: path, isAnswer: isAnswer).isEmpty }.count
            if fits == 0 || (key == "oneOf" && fits > 1) {
                found.append("\(path): \(fits) of \(key) fit \(value.text())")
            }
        }
        if case .object(let members) = value {
            let properties = self.members(schema["properties"])
            for name in schema["required"]?.array?.compactMap(\.string) ?? [] where value[name] == nil {
                let isReadOnly = properties.first { $0.key == name }?.value["readOnly"] == true
                if isAnswer || !isReadOnly { found.append("\(path): \(name) is missing") }
            }
            for member in members {
                if let property = properties.first(where: { $0.key == member.key }) {
                    found += faults(member.value, property.value, at: path + "." + member.key, isAnswer: isAnswer)
                } else if schema["additionalProperties"] == false {
                    found.append("\(path): \(member.key) is not in the contract")
                }
            }
        }
        if let items = value.array, let schema = schema["items"] {
            for (place, item) in items.enumerated() {
                found += faults(item, schema, at: "\(path)[\(place)]", isAnswer: isAnswer)
            }
        }
        return found
    }

    private func matches(_ value: JSONValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.null, "null"), (.bool, "boolean"), (.integer, "integer"), (.integer, "number"), (.number, "number"),
            (.string, "string"), (.array, "array"), (.object, "object"):
            true
        default: false
        }
    }

    /// Every object in the tree with the keys that lead to it.
    func objects(_ value: JSONValue? = nil, at path: [String] = []) -> [(path: [String], object: JSONValue)] {
        let value = value ?? root
        var found: [(path: [String], object: JSONValue)] = []
        if case .object(let members) = value {
            found.append((path, value))
            for member in members { found += objects(member.value, at: path + [member.key]) }
        }
        for (place, item) in (value.array ?? []).enumerated() { found += objects(item, at: path + ["\(place)"]) }
        return found
    }
}
