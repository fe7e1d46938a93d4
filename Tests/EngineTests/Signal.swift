import Platform

/// What a test waits for: something that another thread does.
final class Signal<Value: Sendable>: Sendable {
    private let monitor = Monitor<[Value]>([])

    /// Says that it happened.
    func send(_ value: Value) {
        monitor.update { $0.append(value) }
    }

    /// The values so far.
    var values: [Value] { monitor.read { $0 } }

    /// The first `count` values, once there are as many; fewer after ten seconds.
    func wait(_ count: Int) -> [Value] {
        monitor.wait(upTo: .seconds(10)) { $0.count >= count ? Array($0.prefix(count)) : nil } ?? values
    }

    /// The first value of which `isMeant` says so; nil after ten seconds.
    func wait(where isMeant: (Value) -> Bool) -> Value? {
        monitor.wait(upTo: .seconds(10)) { $0.first(where: isMeant) }
    }

    /// The first value; nil after ten seconds.
    func wait() -> Value? { wait(1).first }
}

extension Signal where Value == Bool {
    /// Opens a gate that others pass by `wait`.
    func open() { send(true) }
}
