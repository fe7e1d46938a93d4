internal import Model
internal import Platform
internal import Store

extension Catalog {
    /// Why a run of a pipeline with these options does not start at `now`: what it runs after has old data; nil when it
    /// may start.
    func staleUpstreams(
        of pipeline: Pipeline, _ options: RunOptions, at now: Timestamp, _ session: ReadSession
    ) throws(Failure) -> Failure? {
        guard pipeline.maxUpstreamAge != nil, !options.allowStaleUpstream else { return nil }
        return Upstream.stale(try upstreams(of: pipeline, session), for: pipeline, at: now)
    }

    /// The pipelines that one runs after, with the age of their data as the control database has it.
    func upstreams(of pipeline: Pipeline, _ session: ReadSession) throws(Failure) -> [Upstream] {
        var found: [Upstream] = []
        for name in pipeline.after {
            let upstream = try self.pipeline(name, session)
            let (watermarks, successes) = try storing { () throws(StoreError) in
                (try session.watermarkValues(of: name), try session.lastSuccesses(of: name))
            }
            let age = DataAge(of: upstream, watermarks: watermarks, lastSuccesses: successes)
            if let age { found.append(Upstream(name, age)) }
        }
        return found
    }
}
