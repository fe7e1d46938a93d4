internal import CMicroHTTP
internal import Glibc
internal import Platform

/// The library that speaks HTTP, behind the only file that names it.
///
/// It keeps the library's rules: an answer is queued in the last call for a request (one queued in the first closes
/// the connection), a connection is suspended in that call only, and stopping begins with nobody suspended.
final class MicroHTTPDaemon: @unchecked Sendable {
    // SAFETY: `daemon` and `context` are constants; the library's functions used on them may be called on any thread.
    private let daemon: OpaquePointer
    private let context: Unmanaged<Service>

    /// Starts the library's threads on a listening socket; nil when they cannot be started.
    init?(_ socket: ListeningSocket, service: Service) {
        let context = Unmanaged.passRetained(service)
        let settings = microhttp_settings(
            listen_socket: socket.descriptor, threads: UInt32(max(2, min(64, service.configuration.threads))),
            connections: UInt32(max(2, service.configuration.connections)),
            idle_seconds: service.configuration.idleSeconds,
            connection_memory: Limits.connectionMemoryBytes)
        guard
            let daemon = microhttp_start(
                settings, context.toOpaque(), serve, requestEnded, connectionChanged, targetRead, leaveEscapes, logged)
        else {
            context.release()
            return nil
        }
        self.daemon = daemon
        self.context = context
    }

    /// Ends the threads, closes all connections and the listening socket; must be called once, with nobody suspended.
    ///
    /// `MHD_quiesce_daemon` is not used: in 0.9.75 it and a busy thread may both take the listening socket out of the
    /// thread's epoll set, and the one that comes second ends the process.
    func stop() {
        MHD_stop_daemon(daemon)
        context.release()
    }
}

/// A connection of the library, which may be resumed from any thread.
private struct Connection: @unchecked Sendable {
    // SAFETY: the library takes `MHD_resume_connection` on any thread, and keeps a suspended connection until then.
    let pointer: OpaquePointer

    func suspend() { MHD_suspend_connection(pointer) }
    func resume() { MHD_resume_connection(pointer) }

    /// Queues an answer; must be called by the connection's own thread, in its handler.
    func send(_ response: Response, _ service: Service) -> MHD_Result {
        let made = response.body.withUnsafeBytes { body in
            MHD_create_response_from_buffer(
                body.count, UnsafeMutableRawPointer(mutating: body.baseAddress),
                MHD_ResponseMemoryMode.RESPMEM_MUST_COPY)
        }
        return queue(response, made, service)
    }

    /// Queues an answer whose bytes `stream` gives; must be called by the connection's own thread, in its handler.
    func send(_ response: Response, _ stream: StreamedAnswer, _ service: Service) -> MHD_Result {
        // The size is not known (a macro that Swift does not import). Chunks are read into the connection's own memory; the
        // block serves HTTP/1.0, which has none.
        let made = MHD_create_response_from_callback(
            UInt64.max, Limits.streamBlockBytes, streamRead, Unmanaged.passRetained(stream).toOpaque(), streamFreed)
        return queue(response, made, service)
    }

    private func queue(_ response: Response, _ made: OpaquePointer?, _ service: Service) -> MHD_Result {
        guard let made else { return .NO }
        defer { MHD_destroy_response(made) }
        for (name, value) in response.headers {
            let isText = !value.utf8.contains { $0 < 0x20 || $0 == 0x7F }
            if !isText || MHD_add_response_header(made, name, value) == .NO {
                service.log.error("a header of an answer was dropped", ["name": name, "value": value])
            }
        }
        return MHD_queue_response(pointer, UInt32(response.status), made)
    }
}

// The callbacks: C functions that capture nothing, each handing over to the part of the server it belongs to.

private func service(_ context: UnsafeMutableRawPointer?) -> Service? {
    context.map { Unmanaged<Service>.fromOpaque($0).takeUnretainedValue() }
}

private func link(_ connection: OpaquePointer?) -> Link? {
    microhttp_socket_context(connection).map { Unmanaged<Link>.fromOpaque($0).takeUnretainedValue() }
}

/// A connection was opened or is about to be closed.
private let connectionChanged: MHD_NotifyConnectionCallback = { context, pointer, slot, code in
    guard let service = service(context), let slot else { return }
    if code.rawValue == MHD_ConnectionNotificationCode.CONNECTION_NOTIFY_STARTED.rawValue {
        let link = Link(socket: microhttp_socket(pointer), remoteAddress: remoteAddress(microhttp_address(pointer)))
        link.expect(by: service.clock.uptime() + service.configuration.receiveTime)
        service.links.add(link)
        slot.pointee = Unmanaged.passRetained(link).toOpaque()
    } else if let opaque = slot.pointee {
        let link = Unmanaged<Link>.fromOpaque(opaque).takeRetainedValue()
        slot.pointee = nil
        if link.isUnread { service.lingerer.keep(link.socket) }
        service.links.remove(link)
    }
}

/// A request line was read; its target is still as it was sent.
private let targetRead: microhttp_target_callback = { context, target, pointer in
    guard let service = service(context), let target, let link = link(pointer) else { return nil }
    link.target = Array(UnsafeRawBufferPointer(start: target, count: strlen(target)))
    link.targetStart = UnsafeRawPointer(target)
    link.expect(by: service.clock.uptime() + service.configuration.receiveTime)
    return nil
}

/// The library decodes nothing: it would do so before the path is split, and in text that ends at a NUL.
private let leaveEscapes: microhttp_unescape_callback = { _, _, text in
    text.map { strlen($0) } ?? 0
}

/// The head is there, a part of the body is there, or all is there.
private let serve: MHD_AccessHandlerCallback = { context, pointer, _, method, version, data, size, slot in
    guard let service = service(context), let pointer, let method, let version, let size, let slot else { return .NO }
    let connection = Connection(pointer: pointer)
    guard let opaque = slot.pointee else {
        guard let link = link(pointer) else { return .NO }
        let exchange = Exchange(rawHead(pointer, link, method, version), on: link, service: service)
        slot.pointee = Unmanaged.passRetained(exchange).toOpaque()
        return perform(exchange.begin(), exchange, connection, service)
    }
    let exchange = Unmanaged<Exchange>.fromOpaque(opaque).takeUnretainedValue()
    if size.pointee > 0 {
        let bytes = UnsafeRawBufferPointer(start: data, count: size.pointee)
        size.pointee = 0
        return perform(exchange.receive(bytes), exchange, connection, service)
    }
    return perform(exchange.finish(), exchange, connection, service)
}

private func perform(
    _ step: Exchange.Step, _ exchange: Exchange, _ connection: Connection, _ service: Service
) -> MHD_Result {
    switch step {
    case .proceed: return .YES
    case .hangUp: return .NO
    case .answer(let response): return connection.send(response, service)
    case .wait(let start):
        let refusal = exchange.wait(start, suspend: { connection.suspend() }, resume: { connection.resume() })
        return refusal.map { connection.send($0, service) } ?? .YES
    case .stream(let response):
        guard
            let begun = exchange.beginStream(
                response, suspend: { connection.suspend() }, resume: { connection.resume() })
        else { return .NO }
        guard let stream = begun.stream else { return connection.send(begun.head, service) }
        return connection.send(begun.head, stream, service)
    }
}

/// The library has room for more of a streamed answer.
private let streamRead: MHD_ContentReaderCallback = { context, _, buffer, size in
    // The library's words for an error and for the end, which are macros that Swift does not import.
    let (failed, ended) = (-2, -1)
    guard let context, let buffer, size > 0 else { return failed }
    let stream = Unmanaged<StreamedAnswer>.fromOpaque(context).takeUnretainedValue()
    switch stream.fill(UnsafeMutableRawBufferPointer(start: buffer, count: size)) {
    case .bytes(let count): return count
    case .nothing: return 0
    case .end: return ended
    }
}

/// The library is done with a streamed answer.
private let streamFreed: MHD_ContentReaderFreeCallback = { context in
    guard let context else { return }
    Unmanaged<StreamedAnswer>.fromOpaque(context).release()
}

/// A request is over; its answer was sent, or the connection broke.
private let requestEnded: MHD_RequestCompletedCallback = { _, _, slot, code in
    guard let slot, let opaque = slot.pointee else { return }
    slot.pointee = nil
    let exchange = Unmanaged<Exchange>.fromOpaque(opaque).takeRetainedValue()
    exchange.end(isComplete: code.rawValue == MHD_RequestTerminationCode.REQUEST_TERMINATED_COMPLETED_OK.rawValue)
}

/// The library has something to say to developers.
private let logged: microhttp_log_callback = { context, format, arguments in
    guard let service = service(context), let format, let arguments else { return }
    var text = [CChar](repeating: 0, count: 512)
    vsnprintf(&text, text.count, format, arguments)
    let line = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    service.log.debug("libmicrohttpd", ["text": line])
}

/// The head as the library holds it.
private func rawHead(
    _ pointer: OpaquePointer, _ link: Link, _ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>
) -> RawHead {
    var reading = HeadReading(scan: HeadScan(limit: Limits.connectionMemoryBytes))
    let methodCount = strlen(method)
    let versionCount = strlen(version)
    reading.scan.pass(method, methodCount)
    if let start = link.targetStart { reading.scan.pass(start, link.target.count) }
    reading.scan.pass(version, versionCount)
    withUnsafeMutablePointer(to: &reading) { reading in
        _ = MHD_get_connection_values_n(pointer, MHD_ValueKind.HEADER_KIND, fieldRead, reading)
    }
    reading.scan.reach(UnsafeRawPointer(method) + microhttp_header_size(pointer))
    return RawHead(
        method: Array(UnsafeRawBufferPointer(start: method, count: methodCount)), target: link.target,
        version: String(decoding: UnsafeRawBufferPointer(start: version, count: versionCount), as: UTF8.self),
        fields: reading.fields, isWhole: reading.scan.isWhole)
}

private struct HeadReading {
    var scan: HeadScan
    var fields: [(name: [UInt8], value: [UInt8])] = []
}

/// One header field was met.
private let fieldRead: MHD_KeyValueIteratorN = { reading, _, name, nameCount, value, valueCount in
    guard let reading = reading?.assumingMemoryBound(to: HeadReading.self) else { return .NO }
    if let name { reading.pointee.scan.pass(name, nameCount) }
    if let value { reading.pointee.scan.pass(value, valueCount) }
    reading.pointee.fields.append(
        (
            Array(UnsafeRawBufferPointer(start: name, count: nameCount)),
            Array(UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueCount))
        ))
    return .YES
}
