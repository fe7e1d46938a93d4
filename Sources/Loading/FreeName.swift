/// A name that none of `taken` bears in SQL's eyes: `wish`, or `wish` with a number.
public func freeName(_ wish: String, among taken: [String]) -> String {
    let folded = Set(taken.map(fold))
    var name = wish
    var number = 1
    while folded.contains(fold(name)) {
        number += 1
        name = "\(wish)_\(number)"
    }
    return name
}

/// A name by which SQLite gives the number of a row that has columns of these names; nil where they hide all of them.
func freeRowNumber(among columns: [String]) -> String? {
    let folded = Set(columns.map(fold))
    return ["rowid", "_rowid_", "oid"].first { !folded.contains($0) }
}
