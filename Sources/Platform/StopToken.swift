internal import Synchronization

/// A flag that is raised once, with a reason, and tells those who asked to be told.
///
/// May be used on any thread. A handler runs on the thread that stops the token, or at once on the caller's
/// thread when it is added to a stopped one; it must be short and must not add or remove handlers.
public final class StopToken: Sendable {
    /// Why the work must end.
    public enum Reason: Sendable, Equatable {
        /// A person or a program asked for it.
        case cancelled
        /// The time allowed for the work has passed.
        case timedOut
        /// The process is stopping; the work may be taken up again later.
        case shutdown
    }

    private struct State {
        var reason: Reason?
        var handlers: [Int: @Sendable (Reason) -> Void] = [:]
        var nextHandler = 0
    }

    private let state = Mutex(State())

    /// Makes a token that is not stopped.
    public init() {}

    /// Why it was stopped; nil while it was not.
    public var reason: Reason? { state.withLock { $0.reason } }

    /// Raises the flag; the first reason stays, later calls do nothing.
    public func stop(_ reason: Reason) {
        state.withLock { state in
            guard state.reason == nil else { return }
            state.reason = reason
            // Run under the lock: `removeHandler` then never returns while its handler still runs.
            for handler in state.handlers.values { handler(reason) }
            state.handlers = [:]
        }
    }

    /// Adds a handler, run once when the token stops; answers what `removeHandler` takes.
    public func addHandler(_ handler: @escaping @Sendable () -> Void) -> Int {
        add { _ in handler() }
    }

    /// Stops another token, for the same reason, when this one stops; answers what `removeHandler` takes.
    @discardableResult
    public func pass(to other: StopToken) -> Int {
        add { other.stop($0) }
    }

    private func add(_ handler: @escaping @Sendable (Reason) -> Void) -> Int {
        state.withLock { state in
            state.nextHandler += 1
            if let reason = state.reason { handler(reason) } else { state.handlers[state.nextHandler] = handler }
            return state.nextHandler
        }
    }

    /// Takes a handler off; when this returns, the handler is not running and never will.
    public func removeHandler(_ handler: Int) {
        state.withLock { _ = $0.handlers.removeValue(forKey: handler) }
    }
}
