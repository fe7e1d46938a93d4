internal import Engine
internal import Model
internal import Platform
internal import Store

/// The entry that stands for events which somebody can no longer be told.
///
/// It is made where it is needed and never stored. Its number is where one goes on from.
enum EventGap {
    /// Its kind.
    static let kind = "gap"

    /// The events behind `position` up to `first` were trimmed from the log; nil when none were.
    ///
    /// Of a piece of work, whose log is read from its beginning, that counts only where the beginning is what is missing:
    /// `next` is the first event found.
    static func trimmed(
        after position: Int64, first: Int64, _ filter: EventFilter, next: Event?, at now: Timestamp
    ) -> Event? {
        let begins = next.map { LoadEngine.startsOfWork.contains($0.kind) } ?? false
        guard first > position + 1, filter.work == nil || position > 0 || !begins else { return nil }
        return event(
            at: first - 1, now, reason: "trimmed", after: position, lost: .integer(first - 1 - position))
    }

    /// Nobody can have heard `position`, since the log ends at `last`: it is another one, such as an older copy.
    static func ahead(of last: Int64, position: Int64, at now: Timestamp) -> Event {
        event(at: last, now, reason: "ahead", after: position, lost: .null)
    }

    private static func event(
        at id: Int64, _ now: Timestamp, reason: String, after: Int64, lost: JSONValue
    ) -> Event {
        let payload: JSONValue = .object(["reason": .string(reason), "after": .integer(after), "lost": lost])
        return Event(id: id, at: now, kind: kind, payload: payload.text())
    }
}
