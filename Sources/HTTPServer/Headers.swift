/// The header fields of a request in the order they came; names compare without regard to case.
public struct Headers: Sendable, ExpressibleByDictionaryLiteral {
    /// One field; its value is without the white space around it.
    public struct Field: Sendable, Hashable {
        /// The name as it was sent.
        public let name: String
        /// The value as it was sent.
        public let value: String

        /// Makes a field.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Every field, repeated names included.
    public let fields: [Field]

    /// Makes headers of fields.
    public init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// Makes headers of names and values.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The value of the first field called `name`; nil when there is none.
    public subscript(_ name: String) -> String? {
        fields.first { equalsIgnoringCase($0.name, name) }?.value
    }

    /// The values of all fields called `name`, in order.
    public func all(_ name: String) -> [String] {
        fields.lazy.filter { equalsIgnoringCase($0.name, name) }.map(\.value)
    }
}

/// Whether two texts are equal but for the case of ASCII letters.
func equalsIgnoringCase(_ left: String, _ right: String) -> Bool {
    let (left, right) = (left.utf8, right.utf8)
    guard left.count == right.count else { return false }
    return zip(left, right).allSatisfy { lowercased($0) == lowercased($1) }
}

/// An ASCII capital as its small letter; any other byte as it is.
private func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}
