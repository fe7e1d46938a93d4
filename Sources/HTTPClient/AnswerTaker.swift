internal import Platform

/// Takes the body of an answer of status 200 as it comes. Belongs to the thread of its transfer.
final class AnswerTaker {
    private let silence: Duration
    private let isStopped: () -> Bool
    private let take: ([UInt8]) -> Bool
    private let clock = SystemClock()
    private var heardAt: Duration

    /// Why the transfer was ended from here; nil while it was not.
    private(set) var ending: Ending?

    /// Why a transfer was ended.
    enum Ending {
        /// Whoever takes the bytes has had enough, or was stopped.
        case done
        /// Nothing came for too long.
        case silent
    }

    /// Makes a taker that gives up after a time of `silence`.
    init(silence: Duration, isStopped: @escaping () -> Bool, take: @escaping ([UInt8]) -> Bool) {
        self.silence = silence
        self.isStopped = isStopped
        self.take = take
        heardAt = clock.uptime()
    }

    /// Takes bytes; false when the transfer is to end.
    func receive(_ bytes: [UInt8]) -> Bool {
        heardAt = clock.uptime()
        if !take(bytes) || isStopped() { ending = .done }
        return ending == nil
    }

    /// Whether the transfer goes on though nothing came.
    func goesOn() -> Bool {
        if isStopped() {
            ending = .done
        } else if clock.uptime() - heardAt > silence {
            ending = .silent
        }
        return ending == nil
    }
}
