internal import Synchronization

/// In which order the commits to a table have seen their sources, so that rows which were read before the destination's
/// write lock was held are not written over rows that were read later.
///
/// Numbers that only grow stand for moments: the one of a commit was taken after the state of the source that it reads
/// was fixed, that of rows read ahead before theirs was. So where the latest commit's number is the smaller one, its state
/// of the source is no newer. A number in memory is enough: one process writes a destination, and no rows that were read
/// ahead outlive it. May be used on any thread.
final class SourceViews: Sendable {
    private struct Table: Hashable {
        let file: String
        let name: String
    }

    private struct State {
        var last = 0
        var latest: [Table: Int] = [:]
    }

    private let state = Mutex(State())

    /// A number larger than all before.
    func next() -> Int {
        state.withLock { state in
            state.last += 1
            return state.last
        }
    }

    /// Notes that a commit to a table is about to write rows of the state that `number` stands for; one that then does not
    /// take place does no harm.
    func note(_ number: Int, of table: String, in file: DatabaseFile) {
        state.withLock { state in
            for table in SourceViews.names(table, file) { state.latest[table] = max(state.latest[table] ?? 0, number) }
        }
    }

    /// The largest number noted for a table; 0 where none was.
    func latest(of table: String, in file: DatabaseFile) -> Int {
        state.withLock { state in SourceViews.names(table, file).map { state.latest[$0] ?? 0 }.max() ?? 0 }
    }

    /// Every name that another load may know the table by: the file has no identity but its path until it exists.
    private static func names(_ table: String, _ file: DatabaseFile) -> Set<Table> {
        [Table(file: file.path, name: fold(table)), Table(file: file.identity, name: fold(table))]
    }
}
