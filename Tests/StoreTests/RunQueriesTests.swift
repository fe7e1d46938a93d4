import Model
import Platform
import Testing

@testable import Store

struct RunQueriesTests {
    @Test func readsWhatWasInserted() throws {
        let world = try World()
        try world.pipeline("orders")
        let run = try world.run()
        #expect(try world.store.read { session throws(StoreError) in try session.run(run.id) } == run)
    }
}
