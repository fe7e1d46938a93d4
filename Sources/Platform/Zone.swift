internal import CGLib

/// A time zone of the IANA database, as the system has it. May be used on any thread.
public struct Zone: Sendable, Equatable {
    /// The name, such as `Europe/Berlin`.
    public let name: String
    private let rules: Rules

    /// The zone without an offset.
    public static let utc = Zone(name: "UTC", rules: Rules(g_time_zone_new_utc()))

    private init(name: String, rules: Rules) {
        self.name = name
        self.rules = rules
    }

    /// Looks a zone up; nil where the system knows none of that name. Reads a file the first time.
    ///
    /// Only names of the database are taken: no path, no offset, no rule as in the variable `TZ`.
    public init?(named name: String) {
        let isName =
            (1...64).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "/") && !name.contains("..")
            && name.unicodeScalars.allSatisfy { scalar in
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                    || "/_+-".unicodeScalars.contains(scalar)
            }
        if name == "UTC" { self = .utc; return }
        guard isName, name.unicodeScalars.first.map({ ("A"..."Z").contains($0) }) ?? false,
            let found = g_time_zone_new_identifier(name)
        else { return nil }
        self.init(name: name, rules: Rules(found))
    }

    /// Two zones of one name are the same.
    public static func == (left: Zone, right: Zone) -> Bool { left.name == right.name }

    /// Seconds by which the zone's clocks are ahead of UTC at an instant.
    public func offset(at instant: Timestamp) -> Int64 {
        let interval = g_time_zone_find_interval(
            rules.zone, G_TIME_TYPE_UNIVERSAL, gint64(Zone.seconds(instant)))
        return Int64(g_time_zone_get_offset(rules.zone, max(interval, 0)))
    }

    /// What the zone's clocks show at an instant, as seconds since they showed 1970-01-01T00:00:00.
    public func localSeconds(_ instant: Timestamp) -> Int64 { Zone.seconds(instant) + offset(at: instant) }

    /// The instant at which the zone's clocks show `seconds` since they showed 1970-01-01T00:00:00.
    ///
    /// Of a time that they show twice it is the first; for one that they leave out it is the moment at which they jump.
    public func instant(localSeconds seconds: Int64) -> Timestamp {
        instants(localSeconds: seconds).first ?? jump(over: seconds)
    }

    /// The instants at which the zone's clocks show `seconds` since they showed 1970-01-01T00:00:00, the first one first:
    /// none for a time that they leave out, two for one that they show twice.
    public func instants(localSeconds seconds: Int64) -> [Timestamp] {
        // No zone is ever further from UTC than a day: of the offsets around, each that fits gives a candidate.
        let before = offset(at: Timestamp(microseconds: (seconds - 90_000) * 1_000_000))
        let after = offset(at: Timestamp(microseconds: (seconds + 90_000) * 1_000_000))
        let near = offset(at: Timestamp(microseconds: seconds * 1_000_000))
        // Nothing changes around most times: then there is one answer, and nothing to try.
        if before == after, near == before { return [Timestamp(microseconds: (seconds - near) * 1_000_000)] }
        return Set([before, near, after]).map { Timestamp(microseconds: (seconds - $0) * 1_000_000) }
            .filter { localSeconds($0) == seconds }.sorted()
    }

    /// The moment at which the clocks jump over the local time `seconds`.
    private func jump(over seconds: Int64) -> Timestamp {
        var before = seconds - 90_000
        var after = seconds + 90_000
        while after - before > 1 {
            let middle = before + (after - before) / 2
            if localSeconds(Timestamp(microseconds: middle * 1_000_000)) < seconds {
                before = middle
            } else {
                after = middle
            }
        }
        return Timestamp(microseconds: after * 1_000_000)
    }

    private static func seconds(_ instant: Timestamp) -> Int64 { instant.microseconds.flooredQuotient(1_000_000) }
}

/// GLib's rules of a zone, kept as long as they are used.
///
/// SAFETY: a GTimeZone never changes once it is made, and its count of references is atomic.
private final class Rules: @unchecked Sendable {
    let zone: OpaquePointer

    init(_ zone: OpaquePointer) {
        self.zone = zone
    }

    deinit { g_time_zone_unref(zone) }
}
