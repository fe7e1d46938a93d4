internal import Platform
internal import Synchronization

/// The streamed answers in hand, within their bound.
final class StreamedAnswers: Sendable {
    private struct State {
        var answers: [ObjectIdentifier: StreamedAnswer] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int

    /// Makes a place for up to `limit` answers.
    init(limit: Int) {
        self.limit = limit
    }

    /// How many there are.
    var count: Int { state.withLock { $0.answers.count } }

    /// Takes up an answer; throws when there are too many, or the server is about to stop.
    func add(_ answer: StreamedAnswer) throws(HTTPError) {
        let refusal: HTTPError? = state.withLock { state in
            if state.isClosed { return .draining }
            guard state.answers.count < limit else { return .tooManyStreams(limit: limit) }
            state.answers[ObjectIdentifier(answer)] = answer
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Forgets an answer that is over.
    func remove(_ answer: StreamedAnswer) {
        state.withLock { _ = $0.answers.removeValue(forKey: ObjectIdentifier(answer)) }
    }

    /// Asks those that have been silent for too long for a sign of life.
    func beat(at now: Duration) {
        for answer in state.withLock({ Array($0.answers.values) }) { answer.beat(at: now) }
    }

    /// Ends all of them and takes no more; afterwards none is suspended, nor ever will be.
    func close() {
        let answers = state.withLock { state in
            state.isClosed = true
            return Array(state.answers.values)
        }
        for answer in answers { answer.close() }
    }
}
