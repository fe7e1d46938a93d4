internal import HTTPServer
internal import Store

/// What `If-Match` and `If-None-Match` of a change ask of the version that is stored (RFC 9110, section 13).
struct Precondition: Sendable, Equatable {
    private enum Wanted: Sendable, Equatable {
        case anything, any
        case oneOf([Int])
    }

    private let match: Wanted
    private let noneMatch: Wanted

    /// Reads the header fields; one that holds no entity tag is refused.
    init(_ headers: Headers) throws(Problem) {
        match = try Precondition.wanted("If-Match", headers)
        noneMatch = try Precondition.wanted("If-None-Match", headers)
    }

    private static func wanted(_ name: String, _ headers: Headers) throws(Problem) -> Wanted {
        let tags = EntityTag.list(headers.all(name))
        guard !tags.isEmpty else { return .anything }
        if tags == ["*"] { return .any }
        for tag in tags where !(tag.hasPrefix("\"") || tag.hasPrefix("W/\"")) || !tag.hasSuffix("\"") {
            throw Problem(
                400, "invalid_header", "The header \(name) holds no entity tag.",
                hint: "Send the ETag of an answer as it was, with its double quotes.", field: name)
        }
        return .oneOf(tags.compactMap(EntityTag.version))
    }

    /// What the stored version must be so that the change may be made, given that `current` is stored.
    func expectation(_ current: Int?) -> Expectation {
        switch noneMatch {
        case .anything: break
        case .any: return .absent
        case .oneOf(let versions):
            // No version is 0: it refuses whatever is stored.
            if let current, versions.contains(current) { return .version(0) }
        }
        switch match {
        case .anything: return .anything
        case .any: return .present
        case .oneOf(let versions):
            if let current, versions.contains(current) { return .version(current) }
            return .version(versions.first ?? 0)
        }
    }

    /// Whether anything is asked for.
    var isEmpty: Bool { match == .anything && noneMatch == .anything }
}
