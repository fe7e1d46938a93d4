internal import Platform
internal import Synchronization

/// What all connections of one server share.
final class Service: Sendable {
    /// The bounds.
    let configuration: ServerConfiguration
    /// Who answers.
    let router: Router
    /// Which hosts are answered for.
    let hosts: HostRule
    /// Time.
    let clock: any Clock
    /// Where the access log goes.
    let log: Log
    /// The open connections.
    let links = Links()
    /// The requests being served.
    let traffic = Traffic()
    /// The requests that wait.
    let room: WaitingRoom
    /// The streamed answers in hand.
    let streams: StreamedAnswers
    /// What wakes the sweeper.
    let alarm = Alarm()

    /// Who waits for refused clients to read their answer.
    let lingerer: Lingerer

    private let identifiers: IdentifierMaker
    private let draining = Atomic<Bool>(false)

    /// Makes the shared part of a server.
    init(_ configuration: ServerConfiguration, router: Router, log: Log, clock: any Clock) {
        self.configuration = configuration
        self.router = router
        self.log = log
        self.clock = clock
        hosts = HostRule(address: configuration.address, names: configuration.allowedHosts)
        room = WaitingRoom(clock: clock, limit: configuration.waitTime, alarm: alarm)
        // Half of the connections at least stay for everything else.
        streams = StreamedAnswers(limit: min(configuration.streams, configuration.connections / 2))
        lingerer = Lingerer(clock: clock)
        identifiers = IdentifierMaker(clock: clock)
    }

    /// Whether the server takes no new work.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// Lets the server take no new work.
    func drain() { draining.store(true, ordering: .relaxed) }

    /// What the server knows about itself now.
    var conditions: Admission.Conditions {
        // One sixteenth stays free, so that health checks find a connection above the bound.
        let bound = configuration.connections - configuration.connections / 16
        return Admission.Conditions(isDraining: isDraining, isOverloaded: links.count > bound)
    }

    /// The client's own identifier where it is a short token of letters, digits, `-`, `_` and `.`; else a new one.
    func identifier(_ headers: Headers) -> String {
        if let own = headers["X-Request-Id"], !own.isEmpty, own.utf8.count <= Limits.requestIdentifierCharacters,
            own.utf8.allSatisfy(isIdentifierByte)
        {
            return own
        }
        return identifiers.next()
    }
}

private func isIdentifierByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
    default: false
    }
}
