/// How SQLite converts the values that are stored in a column, by the column's declared type.
enum Affinity: Equatable {
    case integer, text, none, real, numeric

    /// The affinity of a declared type, by the rules of https://sqlite.org/datatype3.html, section 3.1.
    init(declared: String, isStrict: Bool) {
        let type = Array(fold(declared).utf8)
        func has(_ part: String) -> Bool {
            type.indices.contains { type[$0...].starts(with: part.utf8) }
        }
        if has("int") {
            self = .integer
        } else if has("char") || has("clob") || has("text") {
            self = .text
        } else if type.isEmpty || has("blob") || isStrict && fold(declared) == "any" {
            self = .none
        } else if has("real") || has("floa") || has("doub") {
            self = .real
        } else {
            self = .numeric
        }
    }

    /// Whether texts that look like numbers are stored as such, and numbers are compared with as numbers.
    var isNumeric: Bool { self == .integer || self == .real || self == .numeric }
}
