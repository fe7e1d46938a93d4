internal import Model
internal import Platform

/// Builds the tree of one document from libyaml's events, within the bounds of depth and size.
struct TreeBuilder {
    private let events: YAMLEvents
    private var anchors: [String: (node: DocumentNode, size: Int, depth: Int)] = [:]
    private var nodes = 0

    /// Makes a builder over the events of one text.
    init(_ events: YAMLEvents) {
        self.events = events
    }

    /// The one document of the text; null when there is none.
    mutating func document() throws(Failure) -> DocumentNode {
        _ = try events.next()  // The start of the stream.
        guard case .documentStart = try events.next().event else {
            return DocumentNode(.scalar(.null), at: Mark(line: 1, column: 1))
        }
        let root = try node(try events.next(), depth: 0).node
        _ = try events.next()  // The end of the document.
        let (after, mark) = try events.next()
        guard case .streamEnd = after else {
            throw Failure(
                .malformedDocument, "a second document begins here", hint: "Put one document in a file.", mark: mark)
        }
        return root
    }

    /// The node that begins with `start`, and how many levels are below it.
    private mutating func node(
        _ start: (event: YAMLEvent, mark: Mark), depth: Int
    ) throws(Failure) -> (node: DocumentNode, levels: Int) {
        let mark = start.mark
        let before = nodes
        try count(1, depth: depth, at: mark)
        let result: DocumentNode
        var levels = 0
        let name: String?
        switch start.event {
        case .alias(let anchor):
            guard let (node, size, levels) = anchors[anchor] else {
                throw Failure(
                    .malformedDocument, "the alias `*\(anchor)` names nothing that is complete before this place",
                    hint: "Define it above with `&\(anchor)`, outside of what the alias stands in.", mark: mark)
            }
            try count(size - 1, depth: depth + levels, at: mark)
            return (DocumentNode(node.content, at: mark), levels)
        case .scalar(let scalar, let anchor):
            name = anchor
            result = DocumentNode(.scalar(try ScalarResolution.value(of: scalar, at: mark)), at: mark)
        case .sequenceStart(let anchor, let tag):
            name = anchor
            try ScalarResolution.check(tag, is: "seq", at: mark)
            var items: [DocumentNode] = []
            while true {
                let next = try events.next()
                if case .sequenceEnd = next.event { break }
                let (item, below) = try node(next, depth: depth + 1)
                items.append(item)
                levels = max(levels, below + 1)
            }
            result = DocumentNode(.sequence(items), at: mark)
        case .mappingStart(let anchor, let tag):
            name = anchor
            try ScalarResolution.check(tag, is: "map", at: mark)
            let (members, below) = try members(depth: depth)
            levels = below
            result = DocumentNode(.mapping(members), at: mark)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw Failure(.malformedDocument, "a value is expected here", mark: mark)
        }
        if let name { anchors[name] = (result, nodes - before, levels) }
        return (result, levels)
    }

    private mutating func members(
        depth: Int
    ) throws(Failure) -> (members: [(key: String, keyMark: Mark, value: DocumentNode)], levels: Int) {
        var members: [(key: String, keyMark: Mark, value: DocumentNode)] = []
        var seen: [String: Mark] = [:]
        var levels = 0
        while true {
            let (event, mark) = try events.next()
            if case .mappingEnd = event { return (members, levels) }
            guard case .scalar(let scalar, _) = event else {
                throw Failure(.malformedDocument, "a key must be a plain text", hint: "Write `key: value`.", mark: mark)
            }
            if scalar.isPlain, scalar.text == "<<" {
                throw Failure(
                    .malformedDocument, "`<<` does not merge mappings here",
                    hint: "Write the keys out; an alias may stand for a whole value.", mark: mark)
            }
            if let first = seen.updateValue(mark, forKey: scalar.text) {
                throw .duplicateKey(scalar.text, at: mark, first: first)
            }
            let (value, below) = try node(try events.next(), depth: depth + 1)
            members.append((scalar.text, mark, value))
            levels = max(levels, below + 1)
        }
    }

    private mutating func count(_ more: Int, depth: Int, at mark: Mark) throws(Failure) {
        nodes += more
        guard nodes <= Limits.documentNodes else {
            throw Failure(
                .malformedDocument,
                "the document has more than \(Limits.documentNodes) values, aliases counted in full",
                hint: "Split it.", mark: mark)
        }
        guard depth <= Limits.documentDepth else {
            throw Failure(
                .malformedDocument, "the document is nested more than \(Limits.documentDepth) levels deep", mark: mark)
        }
    }
}
