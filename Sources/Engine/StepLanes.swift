internal import Platform

/// Threads for steps that run beside another step of their run.
///
/// A run's first step in hand has its worker's thread; these are for the others, and only while fewer steps are in hand
/// than there are workers, so that no more run side by side than the operator allows. May be used on any thread.
final class StepLanes: Sendable {
    private let lanes: [Lane]
    private let free: Monitor<[Int]>
    private let busyWorkers: @Sendable () -> Int

    /// Starts the threads, one fewer than there are workers; `busyWorkers` tells how many of those have a run in hand.
    init(workers: Int, busyWorkers: @escaping @Sendable () -> Int) {
        lanes = (1..<max(1, workers)).map { Lane(name: "step-\($0)", capacity: 1) }
        free = Monitor(Array(lanes.indices.reversed()))
        self.busyWorkers = busyWorkers
    }

    /// A promised thread, which `run` uses and gives back.
    struct Place: Sendable {
        fileprivate let number: Int
    }

    /// Takes a thread; nil when none may be used now.
    func take() -> Place? {
        let busy = busyWorkers()
        return free.update { free in
            let steps = busy + lanes.count - free.count
            guard steps <= lanes.count else { return nil }
            return free.popLast().map { Place(number: $0) }
        }
    }

    /// Gives back a thread that was taken and not used.
    func giveBack(_ place: Place) {
        free.update { $0.append(place.number) }
    }

    /// Runs `body` on a thread that was taken, and gives it back then.
    func run(on place: Place, _ body: @escaping @Sendable () -> Void) {
        _ = lanes[place.number].submit { [free] _ in
            body()
            free.update { $0.append(place.number) }
        }
    }

    /// Ends the threads when none is in use any more.
    func stop() {
        for lane in lanes { lane.stop() }
    }
}
