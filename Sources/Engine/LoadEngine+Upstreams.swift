public import Model
public import Store

extension LoadEngine {
    /// The pipelines that one runs after with the age of their data, and the greatest age that its runs take; nil for one
    /// that is unknown or cannot be read.
    public func upstreams(of name: String, _ session: ReadSession) -> (upstreams: [Upstream], limit: Duration?)? {
        guard let pipeline = try? catalog.pipeline(name, session),
            let upstreams = try? catalog.upstreams(of: pipeline, session)
        else { return nil }
        return (upstreams, pipeline.maxUpstreamAge)
    }
}
