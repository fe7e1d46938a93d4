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
