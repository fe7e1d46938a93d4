/// The parameters after the `?` of a request target, decoded, in the order they came.
public struct Query: Sendable {
    /// One parameter; without a `=` its value is empty.
    public struct Parameter: Sendable, Hashable {
        /// The decoded name.
        public let name: String
        /// The decoded value.
        public let value: String

        /// Makes a parameter.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Every parameter, repeated names included.
    public let parameters: [Parameter]

    /// Makes a query of parameters.
    public init(_ parameters: [Parameter] = []) {
        self.parameters = parameters
    }

    /// The value of the first parameter called `name`; nil when there is none.
    public subscript(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// The values of all parameters called `name`, in order.
    public func all(_ name: String) -> [String] {
        parameters.lazy.filter { $0.name == name }.map(\.value)
    }
}
