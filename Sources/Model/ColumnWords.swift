/// The words that a name is made of, whichever way it joins them: `last_update`, `lastUpdate`, `LAST-UPDATE`.
public struct ColumnWords: Sendable {
    private let words: Set<String>

    /// Splits a name at what is no letter or digit, and where a small letter is followed by a capital.
    public init(_ name: String) {
        var words: Set<String> = []
        var word = ""
        var wasLower = false
        for character in name {
            if !character.isLetter && !character.isNumber || wasLower && character.isUppercase {
                if !word.isEmpty { words.insert(word.lowercased()) }
                word = ""
            }
            if character.isLetter || character.isNumber { word.append(character) }
            wasLower = character.isLowercase
        }
        if !word.isEmpty { words.insert(word.lowercased()) }
        self.words = words
    }

    private func hasAny(_ others: Set<String>) -> Bool { !words.isDisjoint(with: others) }

    /// Whether it says when a row last changed.
    public var saysUpdated: Bool {
        hasAny([
            "updated", "update", "modified", "modify", "modification", "mod", "changed", "change", "edited", "touched",
            "revised", "altered", "mtime", "lastmod", "lastupdate", "lastupdated", "lastmodified",
        ])
    }

    /// Whether it says when a row was added.
    public var saysCreated: Bool {
        hasAny([
            "created", "create", "creation", "inserted", "insert", "added", "occurred", "logged", "recorded",
            "received", "placed", "posted", "registered", "ctime", "event", "measured",
        ])
    }

    /// Whether it says that it counts changes.
    public var saysVersion: Bool {
        hasAny([
            "version", "revision", "rev", "rowversion", "seq", "sequence", "lsn", "scn", "txid", "usn", "changeno",
        ])
    }

    /// Whether it says that it is a time.
    public var saysTime: Bool {
        saysUpdated || saysCreated
            || hasAny(["time", "timestamp", "ts", "date", "datetime", "at", "on", "epoch", "day", "when", "unix"])
    }

    /// Whether it says that a row is deleted.
    public var saysDeleted: Bool { hasAny(["deleted", "isdeleted", "removed", "tombstone", "deletedat"]) }

    /// Whether the name of a table says that its rows are only ever added.
    public var saysLog: Bool {
        hasAny([
            "log", "logs", "event", "events", "history", "audit", "audits", "journal", "trail", "measurement",
            "measurements", "readings", "clicks", "hits", "pageviews", "ledger",
        ])
    }

    /// Whether it says that it names something.
    public var saysKey: Bool { hasAny(["id", "uuid", "guid", "key", "code", "pk", "number", "no"]) }

    /// Whether it may name a row of a table by itself: `id`, `uuid`, `order_id` of `orders`.
    public func mayBeKey(of table: String) -> Bool {
        let own = ColumnWords(table).words
        let singular = own.filter { $0.hasSuffix("s") }.map { String($0.dropLast()) }
        let rest = words.subtracting(own).subtracting(singular)
        return !rest.isEmpty && rest.isSubset(of: ["id", "uuid", "guid", "key", "code", "pk", "number", "no"])
    }
}
