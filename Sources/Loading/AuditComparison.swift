internal import Model
internal import Platform
internal import SQLite

/// Compares both sides in one pass over each, in the order of what tells rows apart.
struct AuditComparison: AuditVisitor {
    private let rows: AuditRows
    private let repair: AuditRepair?
    private var ruler: AuditRuler
    private var parts: AuditParts
    private var samples: [AuditResult.Sample] = []
    private var sampled: [AuditResult.Sample.Kind: Int] = [:]
    /// The key of the last row of the source that was passed, where versions of a row are kept.
    private var lastKey: [Value] = []

    /// Takes what to compare; a `repair` is told of every row that differs.
    init(_ rows: AuditRows, _ ruler: AuditRuler, sums: [Int], repair: AuditRepair?) {
        self.rows = rows
        self.ruler = ruler
        self.repair = repair
        parts = AuditParts(sums: sums)
    }

    /// Reads both sides and compares them.
    mutating func run(on connection: Connection) throws(LoadStop) {
        let rows = rows
        try rows.merge(on: connection, into: &self)
    }

    /// Remembers the row's key where its versions are told apart.
    mutating func passed(_ left: RowReader) {
        if rows.keyCount < rows.identity.count {
            lastKey = rows.identity.prefix(rows.keyCount).map { left.value($0) }
        }
    }

    private mutating func place(_ reader: RowReader) -> AuditRuler.Place {
        guard let cursor = rows.cursor else { return .inside(0) }
        return ruler.place(reader, cursor)
    }

    // MARK: What a row comes to

    /// Compares the two.
    mutating func met(_ left: RowReader, _ right: RowReader) throws(LoadStop) {
        guard let part = part(left, right) else { return }
        // A row that the source has must bear no mark.
        let isSame = rows.isSame(left, right) && !rows.isMarked(right)
        try parts.count(part, source: left, destination: right) { if !isSame { $0.different += 1 } }
        guard !isSame else { return }
        sample(.different, left, rows.differing(left, right))
        try repair?.update(from: left, at: right)
    }

    /// The part in which a row that both sides have is compared; nil where a coming run decides about it.
    ///
    /// A row that the destination holds below the watermark and whose cursor in the source has no place any more, or one
    /// below the beginning, is read by no run again: what differs in it is drift.
    private mutating func part(_ left: RowReader, _ right: RowReader) -> Int64? {
        let from = place(left)
        switch from {
        case .inside(let part): return part
        case .above: return nil
        case .below, .nowhere:
            if case .inside(let part) = place(right) { return part }
            return from == .nowhere ? AuditRuler.nowherePart : nil
        }
    }

    /// A row of the source that the destination lacks.
    mutating func missed(_ left: RowReader) throws(LoadStop) {
        guard case .inside(let part) = place(left) else { return }
        try parts.count(part, source: left, destination: nil) { $0.missing += 1 }
        sample(.missing, left)
        try repair?.insert(from: left)
    }

    /// A row of the destination that no row of the source goes with.
    mutating func exceeded(_ right: RowReader, beside left: RowReader) throws(LoadStop) {
        let part: Int64
        switch place(right) {
        case .inside(let found): part = found
        case .nowhere: part = AuditRuler.nowherePart
        case .above, .below: return
        }
        guard !rows.isMarked(right), !isVersion(right, left) else { return }
        try parts.count(part, source: nil, destination: right) { $0.extra += 1 }
        sample(.extra, right)
        try repair?.delete(right)
    }

    /// Whether the source still has a row of the key, so that this is an older version of it.
    private func isVersion(_ right: RowReader, _ left: RowReader) -> Bool {
        guard rows.keyCount < rows.identity.count else { return false }
        if left.hasRow, rows.compare(left, right, first: rows.keyCount) == 0 { return true }
        return lastKey == rows.identity.prefix(rows.keyCount).map { right.value($0) }
    }

    private mutating func sample(_ kind: AuditResult.Sample.Kind, _ reader: RowReader, _ columns: [String] = []) {
        guard sampled[kind, default: 0] < Limits.auditSamples else { return }
        sampled[kind, default: 0] += 1
        samples.append(AuditResult.Sample(kind: kind, key: rows.key(reader), columns: columns))
    }

    // MARK: The result

    /// What was found, up to a watermark; what is `left` of it keeps a part from being verified.
    func result(_ watermark: CursorValue?, left: (AuditResult.Drift) -> Bool = { !$0.isEmpty }) -> AuditResult {
        let found = parts.all
        let differing = found.filter { !$0.counts.drift.isEmpty }
        var result = AuditResult(watermark: watermark)
        result.total = parts.total(rows)
        result.partitions = differing.prefix(Limits.auditPartsShown).map {
            parts.partition($0.counts, start: ruler.start(of: $0.part), rows)
        }
        result.samples = samples
        guard let first = differing.first(where: { left($0.counts.drift) }) else {
            result.verifiedThrough = watermark
            return result
        }
        // Below the first part that differs lies what was found to be the same, if anything.
        if let lowest = found.first, lowest.part < first.part { result.verifiedThrough = ruler.start(of: first.part) }
        return result
    }
}

/// Counts and sums by part.
struct AuditParts {
    /// The counts of one part, with the sums of both sides, a column's source before its destination.
    struct Counts {
        var sourceRows = 0
        var destinationRows = 0
        var drift = AuditResult.Drift()
        var sums: [Double]
    }

    private let sums: [Int]
    private var counts: [Counts] = []
    private var places: [Int64: Int] = [:]
    /// The part of the last row: rows near each other mostly share it.
    private var last: (part: Int64, place: Int)?

    init(sums: [Int]) {
        self.sums = sums
    }

    /// Counts a row of one side, or the two that go together, in a part.
    mutating func count(
        _ part: Int64, source: RowReader?, destination: RowReader?, _ body: (inout AuditResult.Drift) -> Void
    ) throws(LoadStop) {
        let place = try place(of: part)
        if source != nil { counts[place].sourceRows += 1 }
        if destination != nil { counts[place].destinationRows += 1 }
        body(&counts[place].drift)
        var index = 0
        for column in sums {
            if let source { counts[place].sums[index] += AuditParts.number(source, column) }
            if let destination { counts[place].sums[index + 1] += AuditParts.number(destination, column) }
            index += 2
        }
    }

    private static func number(_ reader: RowReader, _ column: Int) -> Double {
        switch reader.type(column) {
        case .integer, .real: reader.real(column)
        default: 0
        }
    }

    private mutating func place(of part: Int64) throws(LoadStop) -> Int {
        if let last, last.part == part { return last.place }
        let place: Int
        if let known = places[part] {
            place = known
        } else {
            guard counts.count < Limits.auditParts else {
                throw .failure(
                    Failure(
                        .invalidValue, "the audit would count by more than \(Limits.auditParts) parts",
                        hint: "ask for a wider interval", field: "interval"))
            }
            place = counts.count
            places[part] = place
            counts.append(Counts(sums: [Double](repeating: 0, count: sums.count * 2)))
        }
        last = (part, place)
        return place
    }

    /// Every part in the cursor's order.
    var all: [(part: Int64, counts: Counts)] {
        places.map { (part: $0.key, counts: counts[$0.value]) }.sorted { $0.part < $1.part }
    }

    /// All parts together.
    func total(_ rows: AuditRows) -> AuditResult.Partition {
        var total = Counts(sums: [Double](repeating: 0, count: sums.count * 2))
        for (_, part) in all {
            total.sourceRows += part.sourceRows
            total.destinationRows += part.destinationRows
            total.drift.missing += part.drift.missing
            total.drift.extra += part.drift.extra
            total.drift.different += part.drift.different
            for index in total.sums.indices { total.sums[index] += part.sums[index] }
        }
        return partition(total, start: nil, rows)
    }

    /// A part as it is shown.
    func partition(_ counts: Counts, start: CursorValue?, _ rows: AuditRows) -> AuditResult.Partition {
        AuditResult.Partition(
            start: start, sourceRows: counts.sourceRows, destinationRows: counts.destinationRows, drift: counts.drift,
            sums: sums.enumerated().map { index, column in
                AuditResult.Sums(
                    column: rows.pairs[column].destination, source: AuditParts.rounded(counts.sums[index * 2]),
                    destination: AuditParts.rounded(counts.sums[index * 2 + 1]))
            })
    }

    /// Six digits after the point: what the order of adding changes lies below them.
    private static func rounded(_ sum: Double) -> Double {
        let scaled = (sum * 1_000_000).rounded() / 1_000_000
        return scaled.isFinite ? scaled : sum
    }
}
