internal import Model
internal import Platform

extension Capture {
    /// The capture of a connection's table as answers show it.
    func wire(_ connection: String) -> JSONValue {
        .object([
            "connection": .string(connection), "table": .string(table), "log": .string(log), "fault": JSONValue(fault),
            "installed_at": .string(installedAt.rfc3339), "events": .integer(Int64(events)),
            "last_sequence": .integer(lastSequence),
            "consumers": .array(
                consumers.map { consumer in
                    .object([
                        "name": .string(consumer.name), "applied": .integer(consumer.applied),
                        "updated_at": .string(consumer.updatedAt.rfc3339),
                        "pending": .integer(Int64(consumer.pending)), "held": .integer(Int64(consumer.held)),
                        "present": .bool(consumer.isPresent),
                    ])
                }),
        ])
    }
}
