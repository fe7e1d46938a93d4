internal import Model
internal import SQLite

/// The SQL function that counts rows by the partition that their value lies in, in one pass over a table.
///
/// It remembers where the last row lay: rows near each other mostly share their partition.
final class PartitionTally: ScalarFunctionBody {
    static let name = "strandline_tally"
    /// The same for rows that partitions leave to the next run.
    static let leftName = "strandline_tally_left"

    private var instants: PartitionBins<Instant>?
    private var numbers: PartitionBins<NumberPlace>?

    /// Counts rows into the scopes, none of which overlap.
    init(_ scopes: [PartitionScope]) {
        switch scopes.first?.order {
        case .instants?: instants = PartitionBins(scopes)
        default: numbers = PartitionBins(scopes)
        }
    }

    /// The rows counted so far, in the order in which the scopes were given.
    var counts: [Int] { instants?.counts ?? numbers?.counts ?? [] }
    /// The rows without a place.
    var unplaced: UnplacedRows { instants?.unplaced ?? numbers?.unplaced ?? UnplacedRows() }

    func call(_ context: FunctionContext, _ arguments: FunctionArguments) {
        instants?.count(arguments)
        numbers?.count(arguments)
        context.result(1 as Int64)
    }
}

/// The partitions in the order of their places, with the rows counted in each.
private struct PartitionBins<Place: CursorPlace> {
    private let starts: [Place]
    private let ends: [Place]
    /// Where each of them stands among those that were given.
    private let numbers: [Int]
    private(set) var counts: [Int]
    private(set) var unplaced = UnplacedRows()
    private var last = 0
    private var memory: Place.Memory

    init(_ scopes: [PartitionScope]) {
        let sorted = scopes.enumerated().compactMap { number, scope in
            if let start = Place(scope.start), let end = Place(scope.end) { (number, start, end) } else { nil }
        }.sorted { $0.1 < $1.1 }
        numbers = sorted.map(\.0)
        starts = sorted.map(\.1)
        ends = sorted.map(\.2)
        counts = Array(repeating: 0, count: scopes.count)
        memory = Place.memory(from: nil)
    }

    mutating func count(_ arguments: FunctionArguments) {
        let type = arguments.type(0)
        guard type != .null else {
            unplaced.null &+= 1
            return
        }
        guard let (place, _) = Place.read(type, arguments, &memory) else {
            unplaced.unordered &+= 1
            if unplaced.sample == nil { unplaced.sample = CursorValue(arguments.value(0)) }
            return
        }
        guard !starts.isEmpty else { return }
        if place < starts[last] || !(place < ends[last]) {
            guard let found = find(place) else { return }
            last = found
        }
        counts[numbers[last]] &+= 1
    }

    /// The partition that holds a place; nil when none does.
    private func find(_ place: Place) -> Int? {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if place < starts[middle] { high = middle } else { low = middle + 1 }
        }
        return low > 0 && place < ends[low - 1] ? low - 1 : nil
    }
}
