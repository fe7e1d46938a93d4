internal import Model
internal import SQLite

/// Which rows an audit reads from both sides, in one order, and how they are compared.
struct AuditRows {
    /// The columns to compare: those that are loaded and that the destination has.
    let pairs: [SchemaMatch.Pair]
    /// The places in `pairs` of the columns that tell rows apart: by these both sides are ordered.
    let identity: [Int]
    /// How many of `identity`, from the first, are the step's key; fewer than all where versions of a row are kept.
    let keyCount: Int
    /// Whether the storage class tells rows apart too: where all columns together are the identity.
    let tellsClasses: Bool
    /// The place of the cursor among the source's columns; nil where rows are compared whatever it says.
    let cursor: Int?
    /// The rows of the source; behind the columns of `pairs` comes the cursor where it is none of them.
    let source: String
    /// The rows of the destination; behind the columns of `pairs` come its number and its mark, where there are any.
    let destination: String
    /// The name of the destination's row number; nil where it has none.
    let rowNumber: String?
    /// The place among the destination's columns of the one that marks rows which are gone; nil where none is marked.
    let mark: Int?

    /// Which of the source's rows are compared.
    enum Extent {
        /// All of them, whatever their cursor.
        case whole
        /// Those up to a watermark; of those that share a key, the newest among them.
        case upTo(CursorValue)
        /// What a full refresh would write: into columns too that the destination lacks, which are as good as empty in
        /// it. Rows that the destination marks as gone are not there.
        case refresh
    }

    /// Compares rows of `relation` with those of the table, called `d`, for which `condition` holds.
    init(
        _ session: LoadSession, _ relation: SourceRelation, _ table: DestinationTable, _ match: SchemaMatch,
        _ extent: Extent, where condition: String? = nil
    ) throws(LoadStop) {
        let shape = table.shape ?? TableShape(name: "", kind: .table, columns: [])
        let step = session.request.step
        let added = Set(match.added.map { fold($0.name) })
        var pairs = match.pairs.filter { !added.contains(fold($0.source)) }
        func place(_ column: String) -> Int? { pairs.firstIndex { fold($0.source) == fold(column) } }
        // A load that sees all rows goes by the key that the source declares, where the step names none.
        let declared = relation.shape.declaredKey
        let names = step.primaryKey.isEmpty && !step.strategy.isIncremental ? declared.map(\.name) : step.primaryKey
        let key = names.compactMap(place)
        guard key.count == names.count || step.primaryKey.isEmpty else {
            throw .failure(
                Failure(
                    .unknownColumn, "\(shape.name) lacks a column of the key \(names.joined(separator: ", "))",
                    hint: "run the pipeline first", field: "primary_key"))
        }
        let isKeyed = !key.isEmpty && key.count == names.count
        let isRefresh = if case .refresh = extent { true } else { false }
        if isRefresh { pairs += match.pairs.filter { added.contains(fold($0.source)) } }
        let (cursor, read) = AuditRows.cursor(extent, step, relation, pairs)
        self.pairs = pairs
        self.cursor = cursor
        tellsClasses = !isKeyed
        var identity = isKeyed ? key : Array(pairs.indices)
        let keepsVersions = step.writeMode == .append && step.strategy.isIncremental
        if keepsVersions, let cursor, pairs.indices.contains(cursor), !identity.contains(cursor) {
            identity.append(cursor)
        }
        self.identity = identity
        keyCount = isKeyed ? key.count : identity.count
        let rowNumber = shape.rowNumberName
        self.rowNumber = rowNumber
        let marked = step.softDelete.flatMap { shape.column($0)?.name }
        mark = marked == nil ? nil : pairs.count + (rowNumber == nil ? 0 : 1)
        let order = AuditRows.order(identity.map { pairs[$0].destination }, tellsClasses)
        let columns =
            AuditRows.there(pairs, shape) + [rowNumber].compactMap { $0 } + [marked].compactMap { $0 }.map(quoted)
        let conditions = [condition, isRefresh ? marked.map { "d.\(quoted($0)) IS NULL" } : nil].compactMap { $0 }
        destination =
            "SELECT \(columns.joined(separator: ", ")) FROM \(table.sql) AS d"
            + (conditions.isEmpty ? "" : " WHERE \(conditions.joined(separator: " AND "))") + " ORDER BY \(order)"
        source = try AuditRows.source(
            session, relation, shape, read, identity, tellsClasses, extent, keepsVersions: keepsVersions)
    }

    /// The columns as the destination has them; one that it lacks is empty.
    private static func there(_ pairs: [SchemaMatch.Pair], _ shape: TableShape) -> [String] {
        pairs.map {
            shape.column($0.destination) == nil ? "NULL AS \(quoted($0.destination))" : quoted($0.destination)
        }
    }

    /// The place of the cursor among the columns that are read, and these: with it behind the others where it is none of
    /// them, so that a comparison with a full refresh knows what the next run reads.
    private static func cursor(
        _ extent: Extent, _ step: LoadStep, _ relation: SourceRelation, _ pairs: [SchemaMatch.Pair]
    ) -> (Int?, [SchemaMatch.Pair]) {
        guard let column = step.cursor?.column else { return (nil, pairs) }
        let place = pairs.firstIndex { fold($0.source) == fold(column) }
        switch extent {
        case .whole: return (nil, pairs)
        case .upTo: return (place, pairs)
        case .refresh:
            guard step.strategy.isIncremental, step.strategy != .cdc else { return (nil, pairs) }
            if let place { return (place, pairs) }
            let hidden = SchemaMatch.Pair(
                source: relation.shape.column(column)?.name ?? column,
                destination: freeName("strandline_cursor", among: pairs.map(\.destination)))
            return (pairs.count, pairs + [hidden])
        }
    }

    private static func order(_ columns: [String], _ tellsClasses: Bool) -> String {
        columns.map { column in
            let name = quoted(column)
            return "\(name) COLLATE BINARY" + (tellsClasses ? ", typeof(\(name))" : "")
        }.joined(separator: ", ")
    }

    private static func source(
        _ session: LoadSession, _ relation: SourceRelation, _ shape: TableShape, _ pairs: [SchemaMatch.Pair],
        _ identity: [Int], _ tellsClasses: Bool, _ extent: Extent, keepsVersions: Bool
    ) throws(LoadStop) -> String {
        let from = try keepsVersions ? relation.sql : newest(session, relation, pairs, extent) ?? relation.sql
        let selected = pairs.map { quoted($0.source) }.joined(separator: ", ")
        guard convertsValues(relation.shape, shape, pairs) else {
            let order = order(identity.map { pairs[$0].source }, tellsClasses)
            return "SELECT \(selected) FROM \(from) ORDER BY \(order)"
        }
        // What the destination stores is what its columns make of the source's values; so does a table like it.
        let stage = "temp._strandline_audit"
        let inserted = pairs.map { quoted($0.destination) }.joined(separator: ", ")
        let columns = there(pairs, shape).joined(separator: ", ")
        try session.connection.stopping { db throws(SQLiteError) in
            try db.execute("DROP TABLE IF EXISTS \(stage)")
            try db.execute(
                "CREATE TEMP TABLE _strandline_audit AS SELECT \(columns) FROM main.\(quoted(shape.name)) WHERE 0")
            _ = try db.run("INSERT INTO \(stage) (\(inserted)) SELECT \(selected) FROM \(from)")
        }
        let order = order(identity.map { pairs[$0].destination }, tellsClasses)
        return "SELECT \(inserted) FROM \(stage) ORDER BY \(order)"
    }

    /// The rows of the source with one for each key, behind FROM; nil where none share one, or all of them count.
    private static func newest(
        _ session: LoadSession, _ relation: SourceRelation, _ pairs: [SchemaMatch.Pair], _ extent: Extent
    ) throws(LoadStop) -> String? {
        guard let cursor = session.request.step.cursor, session.request.step.strategy != .cdc else { return nil }
        let delta = session.delta(relation, cursor, pairs)
        guard delta.needsNewest else { return nil }
        switch extent {
        case .whole: return nil
        case .refresh: return "(\(delta.everyNewest))"
        case .upTo(let watermark):
            let place = AuditPlaceFunction(cursor, order: session.order, watermark: watermark)
            try session.connection.stopping { db throws(SQLiteError) in
                try db.createFunction(ScalarFunction(name: AuditPlaceFunction.name, arguments: 1, body: place))
            }
            return "(\(delta.newest(where: "", first: "\(AuditPlaceFunction.name)(\(quoted(delta.cursor))) DESC")))"
        }
    }

    /// Whether the destination's columns may store other values than the source's hold.
    private static func convertsValues(
        _ source: TableShape, _ destination: TableShape, _ pairs: [SchemaMatch.Pair]
    ) -> Bool {
        // The type of a computed column of a query or view says nothing of its values.
        guard source.kind == .table else { return true }
        return pairs.contains { pair in
            destination.column(pair.destination) != nil
                && source.affinity(of: pair.source) != destination.affinity(of: pair.destination)
        }
    }

    // MARK: Comparing

    /// The order of the rows that two readers stand on, as SQLite orders them, by the first `count` of the identity.
    func compare(_ left: RowReader, _ right: RowReader, first count: Int) -> Int {
        var index = 0
        while index < count {
            let column = identity[index]
            let order = AuditRows.compare(left, right, column, tellsClasses: tellsClasses)
            if order != 0 { return order }
            index += 1
        }
        return 0
    }

    /// Whether the row of the destination that a reader stands on is marked as gone.
    func isMarked(_ destination: RowReader) -> Bool { mark.map { destination.type($0) != .null } ?? false }

    /// The columns in which the rows that two readers stand on differ, to the byte and the storage class.
    func differing(_ left: RowReader, _ right: RowReader) -> [String] {
        pairs.indices.filter { !AuditRows.isSame(left, right, $0) }.map { pairs[$0].destination }
    }

    /// Whether the rows that two readers stand on are the same, to the byte and the storage class.
    func isSame(_ left: RowReader, _ right: RowReader) -> Bool {
        var index = 0
        while index < pairs.count {
            if !AuditRows.isSame(left, right, index) { return false }
            index += 1
        }
        return true
    }

    private static func isSame(_ left: RowReader, _ right: RowReader, _ index: Int) -> Bool {
        let type = left.type(index)
        guard type == right.type(index) else { return false }
        switch type {
        case .null: return true
        case .integer: return left.integer(index) == right.integer(index)
        case .real: return left.real(index).bitPattern == right.real(index).bitPattern
        case .text, .blob: return compare(left.bytes(index), right.bytes(index)) == 0
        }
    }

    private static func compare(_ left: RowReader, _ right: RowReader, _ index: Int, tellsClasses: Bool) -> Int {
        let (leftType, rightType) = (left.type(index), right.type(index))
        if leftType == .integer, rightType == .integer {
            let (one, other) = (left.integer(index), right.integer(index))
            return one < other ? -1 : one == other ? 0 : 1
        }
        let (leftRank, rightRank) = (rank(leftType), rank(rightType))
        if leftRank != rightRank { return leftRank - rightRank }
        switch leftType {
        case .null: return 0
        case .text, .blob: return compare(left.bytes(index), right.bytes(index))
        case .integer, .real:
            let order = key(left, leftType, index).compare(key(right, rightType, index))
            if order != 0 || !tellsClasses || leftType == rightType { return order }
            // `integer` sorts below `real`.
            return leftType == .integer ? -1 : 1
        }
    }

    private static func key(_ rows: RowReader, _ type: ValueType, _ index: Int) -> CursorKey {
        type == .integer ? .integer(rows.integer(index)) : .real(rows.real(index))
    }

    private static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let common = min(left.count, right.count)
        if common > 0, let one = left.baseAddress, let other = right.baseAddress {
            let order = BytesOrder.compare(one, other, common)
            if order != 0 { return order }
        }
        return left.count - right.count
    }

    private static func rank(_ type: ValueType) -> Int {
        switch type {
        case .null: 0
        case .integer, .real: 1
        case .text: 2
        case .blob: 3
        }
    }
}
