internal import Platform

/// Counts the requests between their head and the end of their answer.
final class Traffic: Sendable {
    private let monitor = Monitor(0)

    /// How many requests are being served.
    var count: Int { monitor.read { $0 } }

    /// Counts one in.
    func begin() { monitor.update { $0 += 1 } }

    /// Counts one out.
    func end() { monitor.update { $0 -= 1 } }

    /// Waits until none is being served; false when `time` has passed before.
    func waitUntilIdle(upTo time: Duration) -> Bool {
        monitor.wait(upTo: time) { $0 == 0 ? true : nil } ?? false
    }
}
