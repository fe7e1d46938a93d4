internal import Platform

/// Decodes pools.
struct PoolDecoding {
    /// Where what is wrong is noted.
    let findings: Findings

    /// The pool of a node, a mapping with `slots`; nil, with the reasons noted, when it is refused.
    func pool(_ node: DocumentNode, path: String, name: String?) -> PoolDefinition? {
        guard let fields = Fields(node, path: path, called: "a pool", findings: findings) else { return nil }
        fields.allow(["name", "slots"], of: "a pool")
        let name = fields.ownName(given: name, of: "pool")
        if !fields.has("slots") {
            fields.miss("slots", "the pool has no `slots`", hint: "Add how many runs may use it at once: `slots: 2`.")
        }
        let slots = fields.whole("slots", in: PoolDecoding.range)
        guard let name, let slots else { return nil }
        return PoolDefinition(name: name, slots: Int(slots))
    }

    /// The pools of a file, written as `heavy: 2` or as a mapping.
    func pools(_ fields: Fields) -> [PoolDefinition] {
        fields.all.compactMap { member in
            guard case .scalar = member.value.content else {
                return pool(member.value, path: fields.path(member.key), name: member.key)
            }
            guard ResourceName.isValid(member.key) else {
                findings.fail(
                    .invalidValue, ResourceName.refusal(of: member.key), hint: ResourceName.hint(for: member.key),
                    field: fields.path(member.key), mark: member.value.mark)
                return nil
            }
            return fields.whole(member.key, in: PoolDecoding.range).map {
                PoolDefinition(name: member.key, slots: Int($0))
            }
        }
    }

    private static var range: ClosedRange<Int64> { 1...Int64(Limits.poolSlots) }
}
