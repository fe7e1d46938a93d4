internal import Model
internal import Platform
internal import Store

/// Delivers what waits in the outbox, on threads of its own; asleep while nothing is due.
///
/// A message arrives at least once: one that was delivered when the process ended, and not yet recorded, is delivered
/// again under the same identifier.
final class OutboxCourier: Sendable {
    private let poster: any LetterPosting
    private let environment: [String: String]
    private let store: ControlStore
    private let records: RunRecords
    private let clock: any Clock
    private let log: Log
    private let token = StopToken()
    private let state = Monitor(CourierState())

    /// Makes a courier; it does nothing before `start`.
    init(
        configuration: OutboxConfiguration, store: ControlStore, records: RunRecords, clock: any Clock, log: Log
    ) {
        poster = configuration.poster
        environment = configuration.environment
        self.store = store
        self.records = records
        self.clock = clock
        self.log = log
    }

    /// Starts the threads.
    func start() {
        store.onMail { [state, log] mail in
            for (target, count) in mail.dropped {
                log.error(
                    "messages were given up: too many wait", ["to": target, "given_up": String(count)])
            }
            state.update { $0.noteNews() }
        }
        state.update { $0.threads = Limits.couriers }
        for number in 1...Limits.couriers {
            Thread.start(name: "courier-\(number)") { [self] in
                while turn() {}
                state.update { $0.threads -= 1 }
            }
        }
    }

    /// Reads the clock again at once: for a clock that was moved by hand.
    func lookAgain() { state.update { $0.noteNews() } }

    /// Tells deliveries in hand to end and waits a little for that. One that does not end is left: it finds a closed store,
    /// and its message goes out again after the next start.
    func stop() {
        store.onMail(nil)
        token.stop(.shutdown)
        state.update { $0.stop() }
        let isDone = state.wait(upTo: Limits.courierStopTime) { $0.threads == 0 ? true : nil }
        if isDone == nil { log.warn("a delivery was left to the next start") }
    }

    /// Delivers one message, or waits; false at the end.
    private func turn() -> Bool {
        let news = state.read { $0.news }
        guard token.reason == nil else { return false }
        var next = CourierState.Turn.wait(Limits.recordPause)
        do throws(StoreError) {
            let heads = try store.read { (session) throws(StoreError) in try session.outboxHeads() }
            next = state.update { $0.next(heads, seen: news, now: clock.now(), uptime: clock.uptime()) }
        } catch {
            log.error("the outbox cannot be read", ["cause": error.description])
        }
        switch next {
        case .deliver(let target):
            let isRecorded = deliver(to: target)
            let rest = isRecorded ? nil : clock.uptime() + Limits.recordPause
            state.update { $0.release(target, restingUntil: rest) }
        case .wait(let pause):
            _ = state.wait(upTo: pause) { $0.news != news ? true : nil }
        }
        return token.reason == nil
    }

    /// Makes an attempt at the first message of a receiver; false when what came of it could not be recorded.
    private func deliver(to target: String) -> Bool {
        let found: OutboxItem?
        do throws(StoreError) {
            found = try store.read { (session) throws(StoreError) in try session.outboxItem(for: target) }
        } catch {
            log.error("the outbox cannot be read", ["cause": error.description])
            return false
        }
        guard let item = found else { return true }
        let began = clock.uptime()
        let outcome = post(item, to: target)
        // Told to end in its middle: nothing is known of it.
        if case .failed = outcome, token.reason != nil { return true }
        let attempt = DeliveryAttempt(outcome, duration: clock.uptime() - began)
        let number = item.delivery.number
        let jitter = Double.random(in: 0...1)
        let recorded = records.insist("record a delivery to \(target)") { (transaction) throws(StoreError) in
            Recorded(delivery: try transaction.record(attempt, of: number, to: target, jitter: jitter))
        }
        if let delivery = recorded?.delivery { tell(delivery, attempt, target) }
        return recorded != nil
    }

    /// A delivery as it is stored after an attempt; nil when somebody took it out of the outbox.
    private struct Recorded: Sendable {
        let delivery: Delivery?
    }

    private func post(_ item: OutboxItem, to target: String) -> PostOutcome {
        var letter = Letter(
            to: .lineage, message: item.delivery.message, time: clock.now(), body: item.body)
        guard let webhook = item.webhook else { return poster.post(letter, stop: token) }
        do throws(Failure) {
            let url = try address(of: webhook.definition)
            letter.receiver = .webhook(url: url.expanded, keys: try keys(of: webhook))
            let outcome = poster.post(letter, stop: token)
            guard case .failed(let reason) = outcome else { return outcome }
            return .failed(url.redact(reason))
        } catch {
            return .failed(error.message)
        }
    }

    private func address(of webhook: WebhookDefinition) throws(Failure) -> EnvironmentText {
        let owner = "webhook \(webhook.name)"
        let url = try EnvironmentText(webhook.url, of: owner, field: "url", environment: environment)
        if let fault = WebAddress.fault(url.expanded) {
            throw Failure(.invalidValue, "\(owner): the address \(fault)")
        }
        return url
    }

    private func keys(of webhook: StoredWebhook) throws(Failure) -> [[UInt8]] {
        let owner = "webhook \(webhook.definition.name)"
        var keys: [[UInt8]] = []
        for text in webhook.secrets(at: clock.now()) {
            let text = try EnvironmentText(text, of: owner, field: "secret", environment: environment)
            guard let secret = WebhookSecret(text.expanded) else {
                throw Failure(.invalidValue, "\(owner): what \(text.written) holds is no secret")
            }
            if !keys.contains(secret.key) { keys.append(secret.key) }
        }
        return keys
    }

    private func tell(_ delivery: Delivery, _ attempt: DeliveryAttempt, _ target: String) {
        guard delivery.state != .delivered else { return }
        log.warn(
            delivery.state == .failed ? "a message was given up" : "a message was not delivered",
            [
                "to": target, "message": delivery.message, "attempt": String(delivery.attempts),
                "cause": delivery.error ?? "", "next": delivery.nextAttemptAt?.rfc3339 ?? "never",
            ])
    }
}

extension DeliveryAttempt {
    /// What an attempt came to.
    fileprivate init(_ outcome: PostOutcome, duration: Duration) {
        switch outcome {
        case .answered(let status, let retryAfter):
            let error: String? =
                switch status {
                case 200...299: nil
                case 300...399: "the answer was \(status), a redirect, which is not followed"
                default: "the answer was \(status)"
                }
            self.init(status: status, error: error, retryAfter: retryAfter, duration: duration)
        case .failed(let reason): self.init(status: nil, error: reason, duration: duration)
        }
    }
}
