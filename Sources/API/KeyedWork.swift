internal import HTTPServer
internal import Platform
internal import Store

/// Work that is done once for an idempotency key: claim the key, do it, keep its answer.
///
/// What is refused has done nothing: its key is given back, so that the mended request may use it.
struct KeyedWork: Sendable {
    /// The key.
    let key: IdempotencyKey
    /// The request.
    let call: Call

    /// Does the work unless the key says that it was done; the answer is given when it is kept.
    func perform(_ work: @escaping @Sendable (Waiting) -> Void, _ waiting: Waiting) {
        let key = key
        call.services.store.write { transaction throws(StoreError) in
            try transaction.claim(key: key.text, fingerprint: key.fingerprint)
        } completion: { result in
            switch result {
            case .failure(let error): waiting.fail(Problem(error))
            case .success(.replay(let answer)): waiting.finish(answer.replayed)
            case .success(.mismatch): waiting.fail(IdempotencyKey.mismatch)
            case .success(.inProgress): waiting.fail(IdempotencyKey.inProgress)
            case .success(.fresh): work(Waiting(waiting) { end($0, waiting) })
            }
        }
    }

    private func end(_ result: Result<Answer, Problem>, _ waiting: Waiting) {
        let (key, isPretty, log) = (key, call.isPretty, call.services.log)
        let (request, store) = (call.request.id, call.services.store)
        store.write { transaction throws(StoreError) in
            if case .success(let answer) = result {
                try transaction.saveAnswer(StoredAnswer(answer, pretty: isPretty), forKey: key.text)
            } else {
                try transaction.release(key: key.text)
            }
        } completion: { kept in
            // The work is done whether or not its answer could be kept; the client is told of the work.
            if case .failure(let error) = kept {
                log.error("cannot keep an answer", ["request": request, "error": error.description])
            }
            switch result {
            case .success(let answer): waiting.finish(answer)
            case .failure(let problem): waiting.fail(problem)
            }
        }
    }
}
