internal import HTTPServer
internal import Model
internal import Platform

/// One operation of the interface: its place, what it takes, and who carries it out.
struct Endpoint: Sendable {
    /// Looks at a request and answers it, or says who will; runs on a server thread and must not block.
    ///
    /// The handler of an unsafe method changes nothing itself: all its effects stand in the closure of `.later`, so
    /// that an idempotency key can keep the closure from running twice.
    typealias Handler = @Sendable (Call) throws(Problem) -> Outcome

    /// Who looks after the `Idempotency-Key` of a request.
    enum Keys: Sendable {
        /// Nobody: the method is safe.
        case ignored
        /// The answer is kept with the key when the work is done.
        case kept
        /// The handler hands the key on, so that it commits with the run that it started.
        case handedOn
    }

    /// The method.
    let method: Method
    /// The path with its `{names}`.
    let pattern: String
    /// The operation's name, as in the contract, in logs and metrics.
    let name: String
    /// The parameters that its query may have, `pretty` aside.
    let query: [String]
    /// Those of them that may come more than once.
    let repeatable: Set<String>
    /// Who looks after idempotency keys.
    let keys: Keys
    /// Whether it answers on a crowded server too.
    let answersUnderLoad: Bool
    /// Who carries it out.
    let handler: Handler

    /// Makes an operation. One of an unsafe method keeps its answers with their keys unless said.
    init(
        _ method: Method, _ pattern: String, _ name: String, query: [String] = [], repeatable: Set<String> = [],
        keys: Keys? = nil, answersUnderLoad: Bool = false, _ handler: @escaping Handler
    ) {
        self.method = method
        self.pattern = pattern
        self.name = name
        self.query = query
        self.repeatable = repeatable
        self.keys = keys ?? (method.isSafe ? .ignored : .kept)
        self.answersUnderLoad = answersUnderLoad
        self.handler = handler
    }

    /// The operation as the server's router takes it.
    func route(_ services: Services) -> Route {
        Route(method, pattern, name: name, answersUnderLoad: answersUnderLoad) { request in
            reply(to: request, services)
        }
    }

    private func reply(to request: Request, _ services: Services) -> Reply {
        let call: Call
        let outcome: Outcome
        do throws(Problem) {
            call = try Call(request, services, query: query, repeatable: repeatable)
            outcome = try handler(call)
            guard keys == .kept, case .later(let work) = outcome, let key = try IdempotencyKey(request) else {
                return reply(outcome, call)
            }
            return reply(.later { waiting in KeyedWork(key: key, call: call).perform(work, waiting) }, call)
        } catch {
            error.log(services.log, request: request.id)
            return .now(error.answer(request.id).response(pretty: request.asksForPretty))
        }
    }

    private func reply(_ outcome: Outcome, _ call: Call) -> Reply {
        switch outcome {
        case .now(let answer): .now(answer.response(pretty: call.isPretty))
        case .later(let work): .later { responder in work(Waiting(responder, call)) }
        case .stream(let answer, let beat, let open):
            .stream(StreamedResponse(head: answer.response(pretty: false), beat: beat, open: open))
        }
    }
}
