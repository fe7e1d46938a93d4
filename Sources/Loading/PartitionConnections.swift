internal import Model
internal import Platform
internal import SQLite
internal import Synchronization

/// Connections that the partitions of a backfill leave open for the next one, until the backfill's end.
///
/// Opening a destination anew costs a write to the disk of its own with the first commit, and closing it copies the
/// write-ahead log back: together as much as a small partition.
final class PartitionConnections: Sendable {
    /// What a connection is open for.
    struct Use: Equatable {
        let backfill: String
        /// The step as the pipeline's document has it now.
        let step: LoadStep
        let scheme: PartitionScheme
        let source: DatabaseFile
        let destination: DatabaseFile
    }

    private struct Idle: @unchecked Sendable {
        // SAFETY: a connection is either here, where nobody uses it, or in the hands of the one thread that took it.
        let connection: PartitionConnection
        let use: Use
    }

    private let idle = Mutex<[Idle]>([])

    /// An open connection; nil when there is none.
    func take(_ use: Use) -> PartitionConnection? {
        idle.withLock { idle in
            idle.lastIndex { $0.use == use }.map { idle.remove(at: $0).connection }
        }
    }

    /// Leaves a connection for the next partition; the oldest are closed when there are many.
    func leave(_ connection: PartitionConnection, for use: Use) {
        let left = Idle(connection: connection, use: use)
        let surplus = idle.withLock { idle in
            idle.append(left)
            return idle.count > Limits.idlePartitionConnections ? idle.removeFirst() : nil
        }
        surplus?.connection.connection.close()
    }

    /// Closes what a backfill has left open.
    func close(_ backfill: String) {
        let closed = idle.withLock { idle in
            let own = idle.filter { $0.use.backfill == backfill }
            idle.removeAll { $0.use.backfill == backfill }
            return own
        }
        for idle in closed { idle.connection.connection.close() }
    }
}
