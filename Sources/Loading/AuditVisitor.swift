internal import Model
internal import Platform
internal import SQLite

/// What makes something of the rows of both sides as they are passed in one order.
protocol AuditVisitor {
    /// Both sides have the row.
    mutating func met(_ source: RowReader, _ destination: RowReader) throws(LoadStop)
    /// Only the source has the row.
    mutating func missed(_ source: RowReader) throws(LoadStop)
    /// Only the destination has the row; `source` stands on its next one, if there is any.
    mutating func exceeded(_ destination: RowReader, beside source: RowReader) throws(LoadStop)
    /// The source goes on behind this row.
    mutating func passed(_ source: RowReader)
}

extension AuditRows {
    /// Reads both sides in step.
    func merge(on connection: Connection, into visitor: inout some AuditVisitor) throws(LoadStop) {
        try connection.reading(destination, wrapping: { LoadStop.sqlite($0) }) { right throws(LoadStop) in
            try connection.reading(source, wrapping: { LoadStop.sqlite($0) }) { left throws(LoadStop) in
                try merge(left, right, into: &visitor)
            }
        }
    }

    private func merge(
        _ left: RowReader, _ right: RowReader, into visitor: inout some AuditVisitor
    ) throws(LoadStop) {
        let count = identity.count
        try AuditRows.advance(left)
        try AuditRows.advance(right)
        while true {
            let order: Int
            switch (left.hasRow, right.hasRow) {
            case (false, false): return
            case (true, false): order = -1
            case (false, true): order = 1
            case (true, true): order = compare(left, right, first: count)
            }
            guard order <= 0 else {
                try visitor.exceeded(right, beside: left)
                try AuditRows.advance(right)
                continue
            }
            if order == 0 { try visitor.met(left, right) } else { try visitor.missed(left) }
            visitor.passed(left)
            try AuditRows.advance(left)
            if order == 0 { try AuditRows.advance(right) }
        }
    }

    private static func advance(_ reader: RowReader) throws(LoadStop) {
        do throws(SQLiteError) { try reader.next() } catch { throw .sqlite(error) }
    }

    /// What tells the row that a reader stands on apart, by column.
    func key(_ reader: RowReader) -> JSONValue {
        .object(
            identity.map { JSONValue.Member(pairs[$0].destination, AuditRows.shown(reader, $0)) })
    }

    /// The columns in which two rows differ, with both values.
    func values(_ source: RowReader, _ destination: RowReader) -> JSONValue {
        let names = Set(differing(source, destination))
        return .object(
            pairs.indices.filter { names.contains(pairs[$0].destination) }.map { index in
                JSONValue.Member(
                    pairs[index].destination,
                    .object([
                        "source": AuditRows.shown(source, index), "destination": AuditRows.shown(destination, index),
                    ]))
            })
    }

    /// A value as it is shown: a long one is cut.
    private static func shown(_ reader: RowReader, _ index: Int) -> JSONValue {
        guard let json = CursorValue(reader.value(index))?.json else { return .null }
        switch json {
        case .string(let text): return .string(cut(text))
        case .object(let members):
            return .object(
                members.map { JSONValue.Member($0.key, $0.value.string.map { .string(cut($0)) } ?? $0.value) })
        default: return json
        }
    }

    private static func cut(_ text: String) -> String {
        let start = text.prefix(Limits.auditKeyCharacters)
        return start.endIndex < text.endIndex ? start + "…" : text
    }
}
