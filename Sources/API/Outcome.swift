internal import HTTPServer
internal import Platform

/// What a handler comes to.
enum Outcome: Sendable {
    /// The answer itself.
    case now(Answer)
    /// The answer comes later. The closure runs once, on a server thread, and must not block.
    case later(@Sendable (Waiting) -> Void)
    /// The head of an answer that goes on, how long it may be silent, and what gives it its bytes.
    case stream(Answer, beat: Duration, open: @Sendable (StreamWaker) -> any StreamSource)
}

/// A request that waits for its answer; may be used on any thread. The first answer counts.
struct Waiting: Sendable {
    private let give: @Sendable (Result<Answer, Problem>) -> Void
    private let set: @Sendable (Duration, @escaping @Sendable () -> Answer) -> Void

    /// The wait of a call whose connection is put aside.
    init(_ responder: Responder, _ call: Call) {
        let pretty = call.isPretty
        give = { result in
            switch result {
            case .success(let answer): responder.respond(answer.response(pretty: pretty))
            case .failure(let problem):
                problem.log(call.services.log, request: call.request.id)
                responder.respond(problem.answer(call.request.id).response(pretty: pretty))
            }
        }
        set = { time, answer in responder.onDeadline(time) { answer().response(pretty: pretty) } }
    }

    /// The same wait with something done before its answer is given.
    init(_ other: Waiting, giving give: @escaping @Sendable (Result<Answer, Problem>) -> Void) {
        self.give = give
        set = other.set
    }

    /// Gives the answer.
    func finish(_ answer: Answer) { give(.success(answer)) }

    /// Says why there is none.
    func fail(_ problem: Problem) { give(.failure(problem)) }

    /// Gives what `body` answers, or says why it does not.
    func finish(_ body: () throws(Problem) -> Answer) {
        do throws(Problem) { give(.success(try body())) } catch { give(.failure(error)) }
    }

    /// Answers with `answer()` when `time` has passed without one, or as soon as the server begins to stop.
    func onDeadline(_ time: Duration, _ answer: @escaping @Sendable () -> Answer) { set(time, answer) }
}
