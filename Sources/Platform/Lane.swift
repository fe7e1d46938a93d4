internal import Glibc

/// One named thread with a bounded queue: work runs in the order it was submitted, one piece at a time.
///
/// For blocking work (SQLite, file systems), which must never run on the cooperative pool or on a server thread.
public final class Lane: Sendable {
    /// A piece of work; `cancelled` says that the lane stopped before its turn came. It runs exactly once.
    public typealias Work = @Sendable (_ cancelled: Bool) -> Void

    private struct State {
        var queue: [Work] = []
        var head = 0
        var stopping = false
        var finished = false
    }

    private let capacity: Int
    private let monitor = Monitor(State())

    /// Starts a thread called `name` (cut to 15 bytes, the kernel's bound) that holds up to `capacity` waiting pieces.
    public init(name: String, capacity: Int) {
        self.capacity = capacity
        let monitor = self.monitor
        Thread.start(name: name) { Lane.run(monitor) }
    }

    /// Puts work at the end of the queue; false, and nothing done, when the queue is full or the lane has stopped.
    public func submit(_ work: @escaping Work) -> Bool {
        monitor.update { state in
            guard !state.stopping, state.queue.count - state.head < capacity else { return false }
            state.queue.append(work)
            return true
        }
    }

    /// How many pieces wait for their turn.
    public var waiting: Int { monitor.read { $0.queue.count - $0.head } }

    /// Lets the piece in hand finish, runs the waiting ones with `cancelled` true, and returns when the thread is done.
    ///
    /// Must not be called from the lane's own thread.
    public func stop() {
        monitor.update { $0.stopping = true }
        _ = monitor.wait { $0.finished ? true : nil }
    }

    private static func run(_ monitor: Monitor<State>) {
        while true {
            let next: (work: Work, cancelled: Bool)? =
                monitor.wait { state -> (work: Work, cancelled: Bool)?? in
                    if state.head < state.queue.count {
                        let work = state.queue[state.head]
                        state.head += 1
                        if state.head == state.queue.count {
                            state.queue.removeAll(keepingCapacity: true)
                            state.head = 0
                        }
                        return .some((work, state.stopping))
                    }
                    return state.stopping ? .some(nil) : nil
                } ?? nil
            guard let next else { break }
            next.work(next.cancelled)
        }
        monitor.update { $0.finished = true }
    }
}

/// Threads that we own.
public enum Thread {
    /// Starts a detached thread called `name` (cut to 15 bytes) that runs `body` once.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        final class Start {
            let name: String
            let body: @Sendable () -> Void
            init(_ name: String, _ body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        let start = Unmanaged.passRetained(Start(name, body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                Thread.name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        pthread_attr_destroy(&attributes)
        // Out of threads means out of memory or over the process limit: nothing can go on from here.
        precondition(code == 0, "cannot start thread \(name): error \(code)")
    }

    /// Names the calling thread as debuggers and `top -H` show it. (`pthread_setname_np` is a GNU extension that
    /// Swift's Glibc does not import.)
    private static func name(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(file, bytes, bytes.count)
        close(file)
    }
}
