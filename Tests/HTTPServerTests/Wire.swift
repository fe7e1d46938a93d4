import Glibc

/// A client that sends exactly the bytes it is told to, so that tests can be as wrong as they like.
final class Wire: @unchecked Sendable {
    // SAFETY: each test uses its wire on one thread at a time.
    private let socket: Int32
    private var unread: [UInt8] = []
    private var isOpen = true

    /// One answer as it came.
    struct Answer {
        var status: Int
        var headers: [(name: String, value: String)]
        var body: String

        func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    /// Connects to a port of this machine; every read gives up after twenty seconds.
    init(port: Int) {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
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
    }

    deinit { close() }

    /// Closes the connection, as a client that loses interest does.
    func close() {
        if isOpen { Glibc.close(socket) }
        isOpen = false
    }

    /// Sends no more; the answers can still be read.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Sends bytes; false when the server has closed the connection.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends bytes; false when the server has closed the connection.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Waits until the server sends or closes, no longer than `milliseconds`; whether it did.
    func hears(within milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) > 0
    }

    /// The next answer; nil when the connection ended before one was whole.
    func answer(toHead: Bool = false) -> Answer? {
        guard let head = take(through: "\r\n\r\n") else { return nil }
        let lines = head.split(separator: "\r\n").map(String.init)
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { return nil }
        let headers = lines.dropFirst().map { line in
            let cut = line.firstIndex(of: ":") ?? line.endIndex
            return (name: String(line[..<cut]), value: String(line[cut...].drop { $0 == ":" || $0 == " " }))
        }
        var answer = Answer(status: status, headers: headers, body: "")
        guard !toHead, let length = answer.header("Content-Length").flatMap({ Int($0) }) else { return answer }
        while unread.count < length { guard fill() else { return nil } }
        answer.body = String(decoding: unread.prefix(length), as: UTF8.self)
        unread.removeFirst(length)
        return answer
    }

    /// The next chunk of a streamed answer, "" for its end; nil when the connection ended before.
    func chunk() -> String? {
        // The end of a line is one character.
        guard let line = take(through: "\r\n"), let length = Int(line.dropLast(), radix: 16) else { return nil }
        while unread.count < length + 2 { guard fill() else { return nil } }
        defer { unread.removeFirst(length + 2) }
        return String(decoding: unread.prefix(length), as: UTF8.self)
    }

    /// Reads chunks until they come to `text`, or to what is no beginning of it; what they came to.
    func chunks(of text: String) -> String {
        var read = ""
        while read != text, text.hasPrefix(read), let chunk = chunk(), !chunk.isEmpty { read += chunk }
        return read
    }

    /// Reads and drops all that comes; true when the server then closes the connection.
    func endsByItself() -> Bool {
        while fill() { unread = [] }
        return errno != EAGAIN
    }

    private func take(through end: String) -> String? {
        let end = Array(end.utf8)
        var searched = 0
        while true {
            if unread.count >= end.count {
                for start in searched...(unread.count - end.count) where Array(unread[start..<start + end.count]) == end
                {
                    let text = String(decoding: unread[..<(start + end.count)], as: UTF8.self)
                    unread.removeFirst(start + end.count)
                    return text
                }
                searched = unread.count - end.count + 1
            }
            guard fill() else { return nil }
        }
    }

    private func fill() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        errno = 0
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        unread += buffer[..<count]
        return true
    }
}
