import Model
import Testing

/// The transition tables of backfills and their partitions.
struct BackfillStateTests {
    @Test func whatWasRolledBackNeverChanges() {
        for next in BackfillState.allCases { #expect(!BackfillState.rolledBack.mayBecome(next)) }
    }

    // PAINS 33: a cancelled backfill can never go on.
    @Test func aCancelledBackfillCanOnlyBeUndone() {
        for next in BackfillState.allCases where next != .rolledBack {
            #expect(!BackfillState.cancelled.mayBecome(next))
        }
        for next in PartitionState.allCases { #expect(!PartitionState.cancelled.mayBecome(next)) }
    }

    @Test func aCommittedPartitionIsNeverRepeated() {
        for next in PartitionState.allCases { #expect(!PartitionState.success.mayBecome(next)) }
    }

    @Test func everyStateButTheFirstCanBeReached() {
        for state in BackfillState.allCases where state != .queued {
            #expect(BackfillState.allCases.contains { $0.mayBecome(state) }, "\(state)")
        }
        for state in PartitionState.allCases {
            #expect(PartitionState.allCases.contains { $0.mayBecome(state) }, "\(state)")
        }
    }
}
