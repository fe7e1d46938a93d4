internal import Synchronization

/// One request whose connection is put aside until its answer is there.
///
/// waiting → answered → taken. Whoever moves it out of `waiting` resumes the connection; nobody else ever does.
final class Suspension: Sendable {
    private enum State {
        case waiting(deadlineAnswer: (@Sendable () -> Response)?)
        case answered(Response)
        case taken
    }

    private let state = Mutex(State.waiting(deadlineAnswer: nil))
    private let room: WaitingRoom
    private let refusal: @Sendable (HTTPError) -> Response
    private let resume: @Sendable () -> Void
    /// Its place in the room.
    let number: Int

    /// Makes a suspension of a connection that is suspended already and was counted by `room.enter()`.
    init(
        number: Int, room: WaitingRoom, refusal: @escaping @Sendable (HTTPError) -> Response,
        resume: @escaping @Sendable () -> Void
    ) {
        self.number = number
        self.room = room
        self.refusal = refusal
        self.resume = resume
    }

    /// Gives the answer and resumes the connection; does nothing when it has one.
    func answer(_ response: Response) {
        let isFirst = state.withLock { state in
            guard case .waiting = state else { return false }
            state = .answered(response)
            return true
        }
        guard isFirst else { return }
        resume()
        // After the resume: the server may stop the library only when nobody is about to call it.
        room.leave(number)
    }

    /// Answers with the page of `error`.
    func refuse(_ error: HTTPError) {
        answer(refusal(error))
    }

    /// Sets what is answered when `time` has passed.
    func setDeadline(_ time: Duration, _ answer: @escaping @Sendable () -> Response) {
        state.withLock { state in
            if case .waiting = state { state = .waiting(deadlineAnswer: answer) }
        }
        if !room.schedule(number, in: time) { hasten() }
    }

    /// Its time has passed: gives the deadline's answer, or refuses.
    func expire() {
        guard let answer = deadlineAnswer else { return refuse(.timedOut) }
        self.answer(answer())
    }

    /// The server is about to stop: gives the deadline's answer at once where there is one.
    func hasten() {
        if let answer = deadlineAnswer { self.answer(answer()) }
    }

    /// Nobody holds the responder any more: refuses, unless a deadline will answer.
    func abandon() {
        let isLost = state.withLock { state in
            if case .waiting(nil) = state { true } else { false }
        }
        if isLost { refuse(.unanswered) }
    }

    /// The answer, for the server thread that the connection came back to.
    func take() -> Response? {
        state.withLock { state in
            guard case .answered(let response) = state else { return nil }
            state = .taken
            return response
        }
    }

    private var deadlineAnswer: (@Sendable () -> Response)? {
        state.withLock { state in
            if case .waiting(let answer) = state { answer } else { nil }
        }
    }
}
