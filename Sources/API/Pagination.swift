internal import HTTPServer
internal import Model
internal import Platform
internal import Store

extension Page {
    /// The names of the parameters that every list takes.
    static let parameters = ["limit", "cursor"]

    /// The part of a list that a query asks for.
    init(query: Query) throws(Problem) {
        var limit = Limits.pageItems
        if let text = query["limit"] {
            guard let number = Int(text), (1...Limits.maximumPageItems).contains(number) else {
                throw .parameter(
                    "limit", "must be a number from 1 to \(Limits.maximumPageItems)",
                    hint: "Leave it out for \(Limits.pageItems).")
            }
            limit = number
        }
        let cursor = query["cursor"]
        guard cursor != "" else {
            throw .parameter("cursor", "is empty", hint: "Leave it out to start at the beginning.")
        }
        self.init(limit: limit, cursor: cursor)
    }
}

extension Listing {
    /// The list as an answer shows it: its items under their plural noun, then where the next part begins.
    func wire(_ noun: String, _ item: (Item) throws(Problem) -> JSONValue) throws(Problem) -> JSONValue {
        var values: [JSONValue] = []
        values.reserveCapacity(items.count)
        for each in items { values.append(try item(each)) }
        return .object([.init(noun, .array(values)), .init("next_cursor", JSONValue(nextCursor))])
    }
}
