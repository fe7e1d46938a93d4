import Documents
import Model

/// Decodes a YAML text as a pipeline.
func decode(_ text: String, name: String? = nil) throws -> PipelineDocument {
    try DocumentDecoder.pipeline(DocumentReader.read(Array(text.utf8)), name: name)
}

/// All failures of a YAML text as a pipeline; empty when it decodes.
func failures(_ text: String, name: String? = nil) -> [Failure] {
    do {
        _ = try decode(text, name: name)
        return []
    } catch let error as DocumentFailures {
        return error.failures
    } catch let error as Failure {
        return [error]
    } catch {
        return [Failure(.internalError, "\(error)")]
    }
}

/// A valid step of the strategy `timestamp`, with `lines` added and the keys of `without` left out.
func step(_ lines: String..., without: Set<String> = []) -> String {
    let usual = [
        ("name", "name: orders"), ("source", "source: { connection: shop, table: orders }"),
        ("destination", "destination: { connection: warehouse, table: orders }"), ("strategy", "strategy: timestamp"),
        ("cursor", "cursor: updated_at"), ("primary_key", "primary_key: [id]"),
    ]
    let own = Set(lines.compactMap { $0.split(separator: ":").first.map(String.init) })
    let kept = usual.filter { !without.contains($0.0) && !own.contains($0.0) }.map(\.1) + lines
    return "name: orders\nsteps:\n  - " + kept.joined(separator: "\n    ") + "\n"
}
