public import Platform

/// Which part of a list is asked for.
public struct Page: Sendable, Equatable {
    /// The most items to answer, 1 to `Limits.maximumPageItems`.
    public let limit: Int
    /// Where the part before this one ended, as its `nextCursor` said; nil for the start.
    public let cursor: String?

    /// Asks for a part; the limit is held within its bounds.
    public init(limit: Int = Limits.pageItems, cursor: String? = nil) {
        self.limit = min(max(1, limit), Limits.maximumPageItems)
        self.cursor = cursor
    }
}

/// One part of a list.
public struct Listing<Item: Sendable>: Sendable {
    /// The items.
    public let items: [Item]
    /// What to ask the next part with; nil at the end of the list.
    public let nextCursor: String?

    /// Makes a part.
    init(_ items: [Item], nextCursor: String?) {
        self.items = items
        self.nextCursor = nextCursor
    }

    /// Makes the part from up to one item more than the page's limit, which tells whether there is another part.
    init(_ found: [Item], _ page: Page, cursor: (Item) -> String) {
        items = Array(found.prefix(page.limit))
        nextCursor = found.count > page.limit ? items.last.map(cursor) : nil
    }
}

extension Page {
    /// The cursor as the name that the part before ended with.
    func name(_ operation: String) throws(StoreError) -> String? {
        guard let cursor else { return nil }
        let valid = cursor.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard valid, (1...63).contains(cursor.utf8.count) else { throw invalid(operation) }
        return cursor
    }

    /// The cursor as the two names that the part before ended with.
    func names(_ operation: String) throws(StoreError) -> (String, String)? {
        guard let cursor else { return nil }
        let parts = cursor.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = try Page(cursor: String(parts[0])).name(operation),
            let second = try Page(cursor: String(parts[1])).name(operation)
        else { throw invalid(operation) }
        return (first, second)
    }

    /// The cursor as the identifier of the run that the part before ended with.
    func run(_ operation: String) throws(StoreError) -> String? {
        guard let cursor else { return nil }
        let isLetter: (UInt8) -> Bool = { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
        // The form of what `IdentifierMaker` makes.
        guard cursor.utf8.count == 26, cursor.utf8.allSatisfy(isLetter) else {
            throw invalid(operation)
        }
        return cursor
    }

    /// The cursor as the number that the part before ended with; nil for the start. Fails as `invalidCursor`.
    public func number(_ operation: String) throws(StoreError) -> Int64? {
        guard let cursor else { return nil }
        guard let number = Int64(cursor), number > 0 else { throw invalid(operation) }
        return number
    }

    private func invalid(_ operation: String) -> StoreError {
        StoreError(
            .invalidCursor, operation, "the cursor was not given by this list",
            hint: "use the next_cursor of an answer as it is, or leave the cursor out to start again")
    }
}
