internal import Platform

extension Log {
    /// Writes the one line that tells of a request; the query is left out, as it may hold what nobody should read.
    func served(_ head: RequestHead, status: Int?, bytes: Int, time: Duration, isComplete: Bool) {
        info(
            "request",
            [
                "method": head.method, "path": String(head.target.prefix { $0 != "?" }),
                "status": status.map { "\($0)" } ?? "none", "bytes": "\(bytes)", "ms": milliseconds(time),
                "request": head.id, "remote": head.remoteAddress, "end": isComplete ? "sent" : "cut",
            ])
    }
}

/// Milliseconds with three decimals.
private func milliseconds(_ time: Duration) -> String {
    let microseconds = max(0, time.microseconds)
    let fraction = String(microseconds % 1_000)
    return "\(microseconds / 1_000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
}
