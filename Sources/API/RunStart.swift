internal import Engine
internal import HTTPServer
internal import Model
internal import Platform
internal import Store

/// How a request that starts a run is answered: 202 at once, or, where the client would rather wait, 200 with the
/// finished run.
struct RunStart: Sendable {
    /// The key that makes a repetition find the same run; nil when the request has none.
    let key: AnswerKey?

    private let call: Call
    private let preference: Preference

    /// Reads `Prefer`, and `Idempotency-Key` unless somebody else looks after it.
    init(_ call: Call, keyed: Bool = true) throws(Problem) {
        self.call = call
        preference = Preference(call.request.headers)
        guard keyed, let key = try IdempotencyKey(call.request) else {
            key = nil
            return
        }
        let isPretty = call.isPretty
        self.key = AnswerKey(key: key.text, fingerprint: key.fingerprint) { run in
            StoredAnswer(run.accepted, pretty: isPretty)
        }
    }

    /// Answers for the run that was started now, or for the one that the same request started before.
    func finish(_ result: Result<TriggerOutcome, Failure>, _ waiting: Waiting) {
        switch result {
        case .failure(let failure): waiting.fail(Problem(failure))
        case .success(.accepted(let run)): waitForEnd(run.id, else: run.accepted, waiting)
        case .success(.replayed(let stored)):
            let answer = stored.replayed
            guard let run = answer.startedRun else { return waiting.finish(answer) }
            waitForEnd(run, else: answer, waiting)
        }
    }

    /// Answers with the run when it ends in the time that the client would wait, else with the run as it is then; with
    /// `first` when the client would not wait.
    func waitForEnd(_ run: String, else first: Answer, _ waiting: Waiting) {
        var first = first
        first.headers += preference.applied
        guard let seconds = preference.wait, seconds > 0 else { return waiting.finish(first) }
        let (services, promise) = (call.services, first)
        let extra = promise.headers.filter { $0.name == "Idempotency-Replayed" } + preference.applied
        let end = services.engine.whenFinished(run) { result in
            switch result {
            case .success(let run): waiting.finish(.json(run.wire(), headers: [run.location] + extra))
            // The server stops: the run is durable and goes on when it is back.
            case .failure: waiting.finish(promise)
            }
        }
        waiting.onDeadline(.seconds(seconds)) {
            end.cancel()
            guard let now = try? services.store.read({ session throws(StoreError) in try session.run(run) }) else {
                return promise
            }
            var answer = promise
            answer.body = .json(now.wire(services.engine))
            return answer
        }
    }
}

extension Answer {
    /// The run that the answer's `Location` leads to.
    fileprivate var startedRun: String? {
        guard let location = headers.first(where: { $0.name == "Location" })?.value else { return nil }
        return location.split(separator: "/").last.map(String.init)
    }
}
