internal import Engine
internal import Model
internal import Store

/// Pools: how many runs of the pipelines that name one are in hand at once.
enum PoolRoutes {
    /// The operations on pools.
    static let endpoints = definitions.endpoints

    private static let definitions = DefinitionRoutes(
        noun: "pool", example: "{\"slots\": 2}", unknown: .unknownPool, extraKeys: ["running", "waiting"]
    ) { node, name throws(DocumentFailures) in
        try DocumentDecoder.pool(node, name: name).json
    } list: { session, page throws(StoreError) in
        try session.pools(page)
    } read: { session, name throws(StoreError) in
        try session.pool(name)
    } put: { transaction, name, definition, expectation throws(StoreError) in
        try transaction.putPool(name, definition: definition, expecting: expectation)
    } delete: { transaction, name, expectation throws(StoreError) in
        try transaction.deletePool(name, expecting: expectation)
    } changed: { engine, name in
        engine.poolChanged(name)
    } extra: { engine, name in
        let use = engine.use(ofPool: name)
        return [.init("running", .integer(Int64(use.running))), .init("waiting", .integer(Int64(use.waiting)))]
    }
}
