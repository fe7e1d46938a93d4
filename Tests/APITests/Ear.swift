import Glibc

/// One connection that listens to a stream of events; it reads only when told to.
final class Ear {
    /// An event as it came; without a number where it had none.
    struct Heard: Equatable {
        var id: Int64?
        var kind = ""
        var data = ""
    }

    let socket: Int32
    /// The head of the answer; nil until it is whole.
    private(set) var head: String?
    private(set) var heard: [Heard] = []
    /// The last number that was told, by an event or without one.
    private(set) var lastID: Int64?
    /// The first number that was told: where the stream begins.
    private(set) var firstID: Int64?
    private(set) var comments = 0
    /// Whether the stream came to its end, or the connection to its own.
    private(set) var (isEnded, isCut) = (false, false)
    private var raw: [UInt8] = []
    private var text: [UInt8] = []
    private var block = Heard()

    init(port: Int, _ target: String, lastEventID: Int64? = nil, headers: String = "", receiveBytes: Int32? = nil) {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var receiveBytes {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(port).bigEndian
        name.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(code == 0, "cannot connect to port \(port): \(errno)")
        let last = lastEventID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        let request = Array("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\(last)\(headers)\r\n".utf8)
        precondition(send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count)
    }

    deinit { Glibc.close(socket) }

    /// The status of the answer; 0 until it is there.
    var status: Int { head.flatMap { Int($0.dropFirst(9).prefix(3)) } ?? 0 }

    /// The numbers that were heard.
    var ids: [Int64] { heard.compactMap(\.id) }

    /// Takes all that has come.
    func read() {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(socket, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { isCut = true }
            guard count > 0 else { break }
            raw += chunk[..<count]
        }
        parse()
    }

    private func parse() {
        var rest = raw[...]
        if head == nil {
            guard let end = Ear.end(of: "\r\n\r\n", in: rest) else { return }
            head = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[end...]
        }
        if head?.lowercased().contains("transfer-encoding: chunked") == true {
            while let end = Ear.end(of: "\r\n", in: rest),
                let length = Int(String(decoding: rest[..<(end - 2)], as: UTF8.self), radix: 16),
                rest.endIndex >= end + length + 2
            {
                if length == 0 { isEnded = true }
                text += rest[end..<(end + length)]
                rest = rest[(end + length + 2)...]
            }
        } else {
            text += rest
            rest = []
        }
        raw = Array(rest)
        parseLines()
    }

    private func parseLines() {
        var rest = text[...]
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 1)...]
            if line.isEmpty {
                // A block counts when it is whole: what broke off in the middle is to be told again.
                lastID = block.id ?? lastID
                firstID = firstID ?? lastID
                if !block.data.isEmpty { heard.append(block) }
                block = Heard()
            } else if line.hasPrefix(":") {
                comments += 1
            } else if line.hasPrefix("id: ") {
                block.id = Int64(line.dropFirst(4))
            } else if line.hasPrefix("event: ") {
                block.kind = String(line.dropFirst(7))
            } else if line.hasPrefix("data: ") {
                block.data = String(line.dropFirst(6))
            }
        }
        text = Array(rest)
    }

    private static func end(of mark: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let mark = Array(mark.utf8)
        guard bytes.count >= mark.count else { return nil }
        for start in bytes.startIndex...(bytes.endIndex - mark.count) where bytes[start] == mark[0] {
            if bytes[start..<(start + mark.count)].elementsEqual(mark) { return start + mark.count }
        }
        return nil
    }

    /// Reads from all of them as bytes come, until `condition` holds; false when it does not within a minute.
    static func listen(_ ears: [Ear], until condition: () -> Bool) -> Bool {
        var (tries, now) = (0, timespec())
        clock_gettime(CLOCK_MONOTONIC, &now)
        let end = now.tv_sec + 60
        while !condition() {
            clock_gettime(CLOCK_MONOTONIC, &now)
            guard now.tv_sec < end else { return false }
            let open = ears.filter { !$0.isCut }
            var polled = open.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
            Glibc.poll(&polled, nfds_t(polled.count), 20)
            for (ear, ready) in zip(open, polled) where ready.revents != 0 { ear.read() }
            tries += 1
        }
        return true
    }
}
