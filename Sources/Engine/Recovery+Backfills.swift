internal import Loading
internal import Model
internal import Platform
internal import Store

extension Recovery {
    /// Settles every partition that was in hand: one that its destination has recorded is a success with the recorded
    /// counts, any other waits again, for an attempt that fences the dead one off. Answers the backfills that are to go
    /// on, oldest first. Blocks.
    func takeUpBackfills() throws(StoreError) -> [Backfill] {
        let backfills = try store.read { (session) throws(StoreError) in try session.unsettledBackfills() }
        var restored: [Backfill] = []
        for backfill in backfills {
            let backfill = try settlePublish(try settle(backfill))
            if backfill.state == .queued || backfill.state == .running || backfill.publishesItself {
                restored.append(backfill)
            }
        }
        return restored
    }

    /// Settles a backfill that waits to be published: one whose destination has recorded that it is, is at its end.
    private func settlePublish(_ backfill: Backfill) throws(StoreError) -> Backfill {
        guard backfill.state == .awaitingPublish else { return backfill }
        let found: PartitionResult?
        do throws(Failure) {
            let step = try store.reading { [catalog] (session) throws(Failure) in
                try catalog.step(of: backfill, session)
            }
            found = try loader.committedPublish(
                backfill: backfill.id, step: backfill.step, destination: step.destination.file
            ).map { step.redact($0) }
        } catch {
            log.warn(
                "a staged backfill could not be looked up in its destination",
                ["backfill": backfill.id, "cause": error.message])
            return backfill
        }
        guard let found else { return backfill }
        log.info("an interrupted publishing was committed", ["backfill": backfill.id])
        return try store.write { (transaction) throws(StoreError) in
            try transaction.recordPublished(backfill, found)
        }
    }

    private func settle(_ backfill: Backfill) throws(StoreError) -> Backfill {
        guard backfill.partitions.running > 0 else { return backfill }
        let inHand = try store.read { (session) throws(StoreError) in
            try session.partitions(of: backfill.id, state: .running, Page(limit: Limits.maximumPageItems)).items
        }
        let ends = inHand.map { ($0, self.end(of: $0, backfill)) }
        return try store.write { [backfill] (transaction) throws(StoreError) in
            var backfill = backfill
            for (partition, end) in ends { backfill = try transaction.record(end, of: partition) }
            return backfill
        }
    }

    private func end(of partition: Partition, _ backfill: Backfill) -> PartitionEnd {
        do throws(Failure) {
            let step = try store.reading { [catalog] (session) throws(Failure) in
                try catalog.step(of: backfill, session)
            }
            let found = try loader.committedPartition(
                backfill: backfill.id, number: partition.number, step: backfill.step,
                destination: step.destination.file)
            log.info(
                found == nil
                    ? "an interrupted partition waits again" : "an interrupted partition was committed",
                ["backfill": backfill.id, "partition": partition.range.text])
            if let found { return .success(step.redact(found)) }
        } catch {
            // It waits again, and says by itself what is wrong; a record that is there is found then.
            log.warn(
                "an interrupted partition could not be looked up in its destination",
                ["backfill": backfill.id, "partition": partition.range.text, "cause": error.message])
        }
        return .again(nil, notBefore: nil)
    }
}
