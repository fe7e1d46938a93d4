internal import Synchronization

/// Makes identifiers that sort by the time they were made: 48 bits of milliseconds, then 80 bits of chance,
/// in 26 lower-case digits of Crockford's base 32 (the layout of a ULID).
///
/// Two identifiers of one maker never compare in the wrong order, even within a millisecond or after the clock
/// went back. May be used on any thread.
public final class IdentifierMaker: Sendable {
    private struct State {
        var milliseconds: UInt64 = 0
        var high: UInt16 = 0
        var low: UInt64 = 0
    }

    private let clock: any Clock
    private let state = Mutex(State())

    /// Makes a maker that reads the time from `clock`.
    public init(clock: any Clock) {
        self.clock = clock
    }

    /// Makes all further identifiers greater than `identifier`, which another maker made: the clock may have gone back since.
    /// What is no identifier is passed over.
    public func follow(_ identifier: String) {
        let digits = identifier.utf8.compactMap { IdentifierMaker.alphabet.firstIndex(of: $0) }
        guard digits.count == 26 else { return }
        // Ten digits hold the time; the chance that follows it is drawn anew.
        let milliseconds = digits.prefix(10).reduce(0 as UInt64) { $0 << 5 | UInt64($1) } + 1
        state.withLock { state in
            guard milliseconds > state.milliseconds, milliseconds < 1 << 48 else { return }
            state.milliseconds = milliseconds
            state.high = UInt16.random(in: 0...0x7FFF)
            state.low = UInt64.random(in: 0...UInt64.max)
        }
    }

    /// A new identifier, greater than every one made before.
    public func next() -> String {
        let now = UInt64(max(0, clock.now().microseconds / 1_000))
        let made = state.withLock { state in
            if now > state.milliseconds {
                state.milliseconds = now
                // The top bit stays clear, so that counting up within a millisecond has room.
                state.high = UInt16.random(in: 0...0x7FFF)
                state.low = UInt64.random(in: 0...UInt64.max)
            } else {
                state.low &+= 1
                if state.low == 0 { state.high &+= 1 }
            }
            return state
        }
        var digits = [UInt8](repeating: 0, count: 26)
        var high = made.milliseconds << 16 | UInt64(made.high)
        var low = made.low
        for index in stride(from: 25, through: 0, by: -1) {
            digits[index] = IdentifierMaker.alphabet[Int(low & 31)]
            low = low >> 5 | (high & 31) << 59
            high >>= 5
        }
        return String(decoding: digits, as: UTF8.self)
    }

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
}
