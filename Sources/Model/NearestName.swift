/// Finds the name that a person most likely meant.
public enum NearestName {
    // Longer names are not worth their cost: nobody mistypes them into one another.
    private static let longest = 64

    /// The one of `names` nearest to `name`, or nil when none is near enough to be a slip.
    ///
    /// Letter case does not count and `-` equals `_`. A slip is a letter too many, too few, another one, or two
    /// swapped; about one in three letters may be slips.
    public static func find(_ name: String, among names: some Sequence<String>) -> String? {
        let wanted = folded(name)
        guard wanted.count <= longest, !wanted.isEmpty else { return nil }
        var nearest: (name: String, distance: Int)?
        for candidate in names {
            let letters = folded(candidate)
            guard letters.count <= longest else { continue }
            let distance = distance(wanted, letters)
            let allowed = max(1, (max(wanted.count, letters.count) + 1) / 3)
            guard distance <= allowed, distance < letters.count, distance < nearest?.distance ?? .max else { continue }
            nearest = (candidate, distance)
        }
        return nearest?.name
    }

    /// What to say to somebody who wrote `name` where one of `names` must stand: the nearest of them, or else `otherwise`.
    public static func hint(_ name: String, among names: some Sequence<String>, otherwise: String) -> String {
        find(name, among: names).map { "Did you mean `\($0)`?" } ?? otherwise
    }

    private static func folded(_ name: String) -> [Character] {
        name.prefix(longest + 1).lowercased().map { $0 == "-" ? "_" : $0 }
    }

    /// The edit distance in which a swap of neighbours counts once (optimal string alignment).
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var next = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    best = min(best, before[column - 1] + 1)
                }
                next.append(best)
            }
            before = last
            last = next
        }
        return last[right.count]
    }
}
