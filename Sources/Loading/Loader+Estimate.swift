public import Model
public import Platform
internal import SQLite

extension Loader {
    /// What a backfill of `ranges` would read and rewrite: rows by partition on both sides, counted in one pass over
    /// each. Changes nothing, and refuses what no partition could be loaded for.
    public func estimatePartitions(
        _ request: LoadRequest, scheme: PartitionScheme, ranges: [PartitionRange], stop: StopToken
    ) throws(Failure) -> PartitionEstimates {
        try Loader.refuseToReload(request)
        return try withSession(request, for: .look, stop: stop, progress: LoadProgress()) { session throws(LoadStop) in
            // The destination's state is fixed before the source's.
            try session.connection.transaction(.deferred, wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
                var scopes: [PartitionScope] = []
                for range in ranges { scopes.append(try PartitionScope(scheme, range, request.step)) }
                guard let first = scopes.first else { return PartitionEstimates() }
                let view = try PartitionView(session, scheme, first)
                let ahead = try AheadRows(session, view.relation, view.before)
                return try PartitionCount(session: session, view: view, scopes: scopes, ahead: ahead).estimates()
            }
        }
    }

    /// Refuses a partition that could not be loaded, whatever its rows hold; counts nothing, and changes nothing.
    public func checkPartition(_ request: PartitionRequest, stop: StopToken) throws(Failure) {
        try Loader.refuseToReload(request.load)
        try withSession(request.load, for: .look, stop: stop, progress: LoadProgress()) { session throws(LoadStop) in
            try session.connection.transaction(.deferred, wrapping: { LoadStop.sqlite($0) }) { () throws(LoadStop) in
                let scope = try PartitionScope(request.scheme, request.range, request.load.step)
                let view = try PartitionView(session, request.scheme, scope)
                _ = try AheadRows(session, view.relation, view.before)
                // A query might take long to give its first row.
                if view.relation.isTable { try view.refuseUnplaced(scope, session) }
                if request.isStaged { try PartitionLoad.refuseToStage(request, view, session.connection) }
            }
        }
    }
}
