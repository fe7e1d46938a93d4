/// The places of a cursor between which a commit read, as values.
public struct CursorBounds: Sendable, Equatable {
    /// The cursor column.
    public var cursor: String
    /// The lowest place read; nil reads from the beginning.
    public var lower: CursorValue?
    /// Whether rows at `lower` are read.
    public var includesLower: Bool
    /// The highest place read, itself included, and the highest that the watermark may take; nil reads to the end.
    public var upper: CursorValue?
    /// Rows above this place are ahead of the clock.
    public var future: CursorValue?
    /// Whether those are read.
    public var includesFuture: Bool
    /// Whether rows without a cursor are read.
    public var includesNull: Bool

    /// Makes bounds.
    public init(
        cursor: String, lower: CursorValue?, includesLower: Bool, upper: CursorValue?, future: CursorValue?,
        includesFuture: Bool, includesNull: Bool
    ) {
        self.cursor = cursor
        self.lower = lower
        self.includesLower = includesLower
        self.upper = upper
        self.future = future
        self.includesFuture = includesFuture
        self.includesNull = includesNull
    }

    /// The bounds for answers and for storage.
    public var json: JSONValue {
        .object([
            "cursor": .string(cursor), "lower": lower?.json ?? .null, "includes_lower": .bool(includesLower),
            "upper": upper?.json ?? .null, "future": future?.json ?? .null, "includes_future": .bool(includesFuture),
            "includes_null": .bool(includesNull),
        ])
    }

    init?(json: JSONValue) {
        guard let cursor = json["cursor"]?.string else { return nil }
        self.init(
            cursor: cursor, lower: json["lower"].flatMap { CursorValue(json: $0) },
            includesLower: json["includes_lower"] == true, upper: json["upper"].flatMap { CursorValue(json: $0) },
            future: json["future"].flatMap { CursorValue(json: $0) }, includesFuture: json["includes_future"] == true,
            includesNull: json["includes_null"] == true)
    }
}

/// How the rows of the source lay about the bounds of a commit.
public struct CursorRows: Sendable, Equatable {
    /// Rows that belong to the delta, those that share a key counted one by one.
    public var inside = 0
    /// Rows below the bounds that were looked at: loaded before, or late.
    public var below = 0
    /// Rows above the bounds that were looked at: left for a later commit or run.
    public var above = 0
    /// Rows whose cursor is NULL.
    public var null = 0
    /// Rows whose cursor has no place in its order.
    public var unordered = 0
    /// Rows of the delta that are ahead of the clock.
    public var future = 0
    /// The place of the delta's lowest cursor.
    public var lowest: CursorValue?
    /// The delta's highest cursor that a watermark may take, byte for byte.
    public var highest: CursorValue?
    /// Whether an index passed over rows outside the bounds, which are then not counted.
    public var byIndex = false

    /// Makes counts of nothing.
    public init() {}

    /// The counts for answers and for storage.
    public var json: JSONValue {
        .object([
            "inside": .integer(Int64(inside)), "below": .integer(Int64(below)), "above": .integer(Int64(above)),
            "null": .integer(Int64(null)), "unordered": .integer(Int64(unordered)), "future": .integer(Int64(future)),
            "lowest": lowest?.json ?? .null, "highest": highest?.json ?? .null, "by_index": .bool(byIndex),
        ])
    }

    init?(json: JSONValue) {
        guard let inside = json.count("inside"), let below = json.count("below"), let above = json.count("above"),
            let null = json.count("null"), let unordered = json.count("unordered"), let future = json.count("future")
        else { return nil }
        self.inside = inside
        self.below = below
        self.above = above
        self.null = null
        self.unordered = unordered
        self.future = future
        lowest = json["lowest"].flatMap { CursorValue(json: $0) }
        highest = json["highest"].flatMap { CursorValue(json: $0) }
        byIndex = json["by_index"] == true
    }
}
