public import Model

/// A step that reads the log of a captured table, by the name under which the source knows it.
public struct CaptureReader: Sendable, Equatable {
    /// The pipeline's name.
    public let pipeline: String
    /// The step's name.
    public let step: String
    /// The path of the destination's file: the same step into another file has applied nothing there.
    public let destination: String

    /// The reader that a load is.
    init(_ request: LoadRequest) {
        pipeline = request.pipeline
        step = request.step.name
        destination = request.destination.path
    }

    /// Reads a name; nil for one that no step of ours could have.
    public init?(name: String) {
        // Names of pipelines and steps hold neither slashes nor spaces; paths may hold anything.
        guard let slash = name.firstIndex(of: "/") else { return nil }
        let rest = name[name.index(after: slash)...]
        guard let space = rest.firstIndex(of: " "), rest[space...].hasPrefix(CaptureReader.arrow) else { return nil }
        pipeline = String(name[..<slash])
        step = String(rest[..<space])
        destination = String(rest[space...].dropFirst(CaptureReader.arrow.count))
    }

    private static let arrow = " -> "

    /// The name.
    public var name: String { "\(pipeline)/\(step)\(CaptureReader.arrow)\(destination)" }

    /// Whether a step reads the changes of `table` from `source` into this destination.
    public func isRead(
        by step: LoadStep, of table: String, from file: DatabaseFile, source: DatabaseFile, destination: DatabaseFile
    ) -> Bool {
        guard step.strategy == .cdc, case .table(let name) = step.source.relation else { return false }
        return fold(name) == fold(table) && source.identity == file.identity
            && destination.path == self.destination
    }
}
