internal import Platform

/// One request and its answer, from the head to the last byte. Used by its connection's server thread only.
final class Exchange {
    /// What the library is to do next.
    enum Step {
        /// Go on reading.
        case proceed
        /// Send this answer.
        case answer(Response)
        /// Put the connection aside, then call the closure.
        case wait(@Sendable (Responder) -> Void)
        /// Send this answer as long as it has bytes.
        case stream(StreamedResponse)
        /// Close the connection without a word.
        case hangUp
    }

    private let service: Service
    private let link: Link
    private let head: RequestHead
    private let read: ReadHead
    private var body: [UInt8] = []
    private var received = 0
    private var suspension: Suspension?
    private var stream: StreamedAnswer?
    private var answered: (status: Int, bytes: Int)?

    /// Checks the head of a request and begins to serve it.
    init(_ raw: RawHead, on link: Link, service: Service) {
        self.service = service
        self.link = link
        read = ReadHead.read(raw, on: link, service)
        head = RequestHead(
            method: read.method, target: read.target, headers: read.headers, id: service.identifier(read.headers),
            remoteAddress: link.remoteAddress, receivedAt: service.clock.uptime())
        service.traffic.begin()
        link.expect(by: head.receivedAt + service.configuration.receiveTime)
    }

    /// The head is there, the body is not: answers at once only where reading on would be wrong or a waste, as an
    /// answer at this point closes the connection.
    func begin() -> Step {
        guard case .failure(let error) = read.admission else {
            if let length = read.framing?.length { body.reserveCapacity(length) }
            return .proceed
        }
        if case .bodyTooLarge = error { return refuse(error) }
        if let framing = read.framing {
            let isShort = (framing.length ?? 0) <= Limits.drainedBodyBytes && !framing.isChunked
            let isWanted = !framing.announcesBody || !framing.expectsContinue
            if isShort && isWanted { return .proceed }
        }
        return refuse(error)
    }

    /// Takes a part of the body; `hangUp` when it grows far beyond its limit.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Step {
        received += bytes.count
        guard case .success(let admission) = read.admission else { return .proceed }
        let limit = admission.route.bodyLimit
        if received <= limit {
            body.append(contentsOf: bytes)
        } else {
            body = []
            if received > max(limit, Limits.drainedBodyBytes) * Limits.chunkedBodyOverrun { return .hangUp }
        }
        return .proceed
    }

    /// The whole request is there, or its answer is: says what to do.
    func finish() -> Step {
        link.expect(by: nil)
        if let suspension {
            return finished(suspension.take() ?? page(.unanswered))
        }
        switch read.admission {
        case .failure(let error): return finished(page(error))
        case .success(let admission):
            let limit = admission.route.bodyLimit
            guard received <= limit else { return finished(page(.bodyTooLarge(limit: limit))) }
            let request = Request(
                head: head, method: admission.method, target: admission.target, parameters: admission.parameters,
                body: body)
            body = []
            switch admission.route.handler(request) {
            case .now(let response): return finished(response)
            case .later(let start): return .wait(start)
            // The library would end the chunks of an answer to HEAD, which has none.
            case .stream(let response) where head.method == Method.head.rawValue: return finished(response.head)
            case .stream(let response): return .stream(response)
            }
        }
    }

    /// Puts the request aside by `suspend`, has the connection brought back by `resume`, and calls `start`.
    ///
    /// Answers a response instead where the server is about to stop.
    func wait(
        _ start: @Sendable (Responder) -> Void, suspend: () -> Void, resume: @escaping @Sendable () -> Void
    ) -> Response? {
        guard let number = service.room.enter() else {
            if case .answer(let response) = finished(page(.draining)) { return response }
            return nil
        }
        suspend()
        let (errors, head) = (service.router.errors, head)
        let suspension = Suspension(
            number: number, room: service.room, refusal: { errors.page(for: $0, to: head) }, resume: resume)
        self.suspension = suspension
        service.room.sit(suspension)
        start(Responder(suspension))
        return nil
    }

    /// Begins a streamed answer; answers its head, and the stream unless it is refused.
    func beginStream(
        _ response: StreamedResponse, suspend: @escaping @Sendable () -> Void, resume: @escaping @Sendable () -> Void
    ) -> (head: Response, stream: StreamedAnswer?)? {
        let stream = StreamedAnswer(
            on: link, beat: response.beat, sendTime: service.configuration.sendTime, clock: service.clock,
            suspend: suspend, resume: resume)
        var head = response.head
        head.body = []
        do throws(HTTPError) {
            try service.streams.add(stream)
            self.stream = stream
            link.limitSilence(seconds: service.configuration.idleSeconds)
            stream.start(response.open)
        } catch {
            head = page(error)
        }
        guard case .answer(let answer) = finished(head) else { return nil }
        return (answer, self.stream)
    }

    /// The request is over; `isComplete` says whether its answer was sent to the end.
    func end(isComplete: Bool) {
        let now = service.clock.uptime()
        if let stream {
            stream.end()
            service.streams.remove(stream)
            answered?.bytes = stream.bytes
        }
        let idle = Duration.seconds(Int64(service.configuration.idleSeconds))
        link.expect(by: now + idle + service.configuration.receiveTime)
        let time = now - head.receivedAt
        service.log.served(
            head, status: answered?.status, bytes: answered?.bytes ?? 0, time: time, isComplete: isComplete)
        let route = try? read.admission.get().route
        service.router.meter.count(route, head.method, status: answered?.status, time: stream == nil ? time : nil)
        service.traffic.end()
    }

    /// Answers before the body is read, which closes the connection.
    private func refuse(_ error: HTTPError) -> Step {
        link.isUnread = true
        return finished(page(error), closes: true)
    }

    private func page(_ error: HTTPError) -> Response {
        service.router.errors.page(for: error, to: head)
    }

    private func finished(_ response: Response, closes: Bool = false) -> Step {
        var response = response
        if response.status < 200 || response.status > 599 {
            service.log.error(
                "a handler gave an impossible status", ["status": "\(response.status)", "request": head.id])
            response = page(.unanswered)
        }
        response.setHeader("X-Request-Id", head.id)
        if closes || read.framing == nil || service.isDraining { response.setHeader("Connection", "close") }
        if response.status == 204 || response.status == 304 { response.body = [] }
        answered = (response.status, head.method == "HEAD" ? 0 : response.body.count)
        link.expect(by: service.clock.uptime() + service.configuration.sendTime)
        return .answer(response)
    }
}
