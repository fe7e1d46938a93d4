/// A named number of places, which the pipelines that name it share: no more of their runs are in hand at once.
public struct PoolDefinition: Sendable, Equatable {
    /// The name: the same form as a pipeline's.
    public var name: String
    /// How many runs may be in hand at once, 1 to `Limits.poolSlots`.
    public var slots: Int

    /// Makes a definition.
    public init(name: String, slots: Int) {
        self.name = name
        self.slots = slots
    }

    /// The definition as it is stored and answered.
    public var json: JSONValue { .object(["name": .string(name), "slots": .integer(Int64(slots))]) }
}
