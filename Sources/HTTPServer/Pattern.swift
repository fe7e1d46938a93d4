/// The path of a route: fixed segments, `{name}` for any one segment, `{name...}` at the end for all that follow.
struct Pattern: Sendable, Hashable {
    /// One place of the path; the cases stand in the order in which they are tried.
    enum Part: Sendable, Hashable {
        case fixed(String)
        case any(String)
        case rest(String)
    }

    /// The places from the first to the last.
    let parts: [Part]

    /// Reads a pattern; one that is not well formed is a mistake of the program and stops it.
    init(_ text: String) {
        precondition(text.hasPrefix("/"), "the route pattern \(text) must start with '/'")
        let segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        parts = segments == [""] ? [] : segments.map { Part($0) }
        precondition(
            parts.dropLast().allSatisfy { if case .rest = $0 { false } else { true } },
            "the route pattern \(text) may take the rest of the path only at its end")
    }

    /// The named segments of a path that fits; nil for one that does not.
    func match(_ segments: [String]) -> [String: String]? {
        var values: [String: String] = [:]
        var index = 0
        for part in parts {
            switch part {
            case .fixed(let text):
                guard index < segments.count, segments[index] == text else { return nil }
            case .any(let name):
                guard index < segments.count, !segments[index].isEmpty else { return nil }
                values[name] = segments[index]
            case .rest(let name):
                guard index < segments.count else { return nil }
                values[name] = segments[index...].joined(separator: "/")
                return values
            }
            index += 1
        }
        return index == segments.count ? values : nil
    }

    /// Whether this pattern is tried before `other`: at the first place where they differ it is the narrower one.
    func precedes(_ other: Pattern) -> Bool {
        for (mine, theirs) in zip(parts, other.parts) where mine.rank != theirs.rank { return mine.rank < theirs.rank }
        return parts.count > other.parts.count
    }
}

extension Pattern.Part {
    fileprivate init(_ segment: String) {
        guard segment.hasPrefix("{"), segment.hasSuffix("}") else {
            self = .fixed(segment)
            return
        }
        let name = String(segment.dropFirst().dropLast())
        self = name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .any(name)
    }

    fileprivate var rank: Int {
        switch self {
        case .fixed: 0
        case .any: 1
        case .rest: 2
        }
    }
}
