internal import CCurl
internal import Glibc
internal import Platform

/// Posts bodies to addresses that somebody has written down, with only the status of interest. May be used on any
/// thread; a call blocks it.
///
/// No redirect is followed and no proxy is asked, so that what is connected to is what the rule was asked of.
public struct WebPost: Sendable {
    private let rule: AddressRule?

    /// Makes a poster that connects to what the rule permits, or to any address without one.
    public init(rule: AddressRule?) {
        self.rule = rule
    }

    /// What was answered.
    public struct Answer: Sendable, Equatable {
        /// The status.
        public let status: Int
        /// The seconds of `Retry-After`; nil where it is a date, or there is none.
        public let retryAfterSeconds: Int?
    }

    /// Why there is no answer; in words without the address, which may hold secrets.
    public struct Refusal: Error, Sendable, Equatable {
        /// What is wrong.
        public let cause: String
    }

    /// Posts JSON and waits for the status. Header values must be printable ASCII. `isStopped` is asked about once a
    /// second; true ends the transfer.
    public func send(
        _ url: String, headers: [(name: String, value: String)], body: [UInt8],
        isStopped: @escaping @Sendable () -> Bool
    ) throws(Refusal) -> Answer {
        guard Transfer.isLibraryReady, let handle = curl_easy_init() else {
            throw Refusal(cause: "libcurl does not start")
        }
        defer { curl_easy_cleanup(handle) }
        let fields = [("Content-Type", "application/json"), ("User-Agent", "Strandline"), ("Expect", "")] + headers
        var list: UnsafeMutablePointer<curl_slist>?
        for (name, value) in fields {
            guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                curl_slist_free_all(list)
                throw Refusal(cause: "the header \(name) holds characters that no header may hold")
            }
            list = curl_slist_append(list, value.isEmpty ? "\(name):" : "\(name): \(value)") ?? list
        }
        defer { curl_slist_free_all(list) }
        let watch = PostWatch(rule: rule, isStopped: isStopped)
        let code = withExtendedLifetime(watch) { perform(handle, url, list, body, watch) }
        let status = Int(easy_number(handle, CURLINFO_RESPONSE_CODE))
        // Cut off in the middle of a body that nobody reads: the status is there.
        if code == CURLE_OK || (code == CURLE_WRITE_ERROR && watch.isBodyCut) {
            return Answer(status: status, retryAfterSeconds: watch.retryAfter)
        }
        throw Refusal(cause: cause(code, handle, watch))
    }

    private func perform(
        _ handle: UnsafeMutableRawPointer, _ url: String, _ list: UnsafeMutablePointer<curl_slist>?, _ body: [UInt8],
        _ watch: PostWatch
    ) -> CURLcode {
        let opaque = Unmanaged.passUnretained(watch).toOpaque()
        easy_set_web_only(handle)
        easy_set_text(handle, CURLOPT_URL, url)
        easy_set_number(handle, CURLOPT_FOLLOWLOCATION, 0)
        // An empty name is no proxy, whatever the environment says.
        easy_set_text(handle, CURLOPT_PROXY, "")
        easy_set_number(handle, CURLOPT_NOSIGNAL, 1)
        easy_set_number(handle, CURLOPT_TIMEOUT_MS, Int(Limits.deliveryTime.microseconds / 1_000))
        easy_set_number(handle, CURLOPT_CONNECTTIMEOUT_MS, Int(Limits.deliveryConnectTime.microseconds / 1_000))
        easy_set_list(handle, CURLOPT_HTTPHEADER, list)
        easy_set_callback(handle, CURLOPT_WRITEFUNCTION, bodyPassed)
        easy_set_callback(handle, CURLOPT_HEADERFUNCTION, headPassed)
        easy_set_pointer(handle, CURLOPT_WRITEDATA, opaque)
        easy_set_pointer(handle, CURLOPT_HEADERDATA, opaque)
        easy_set_socket_maker(handle, socketMade, opaque)
        easy_set_watcher(handle, progressMade, opaque)
        easy_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
        return (body + [0]).withUnsafeBytes { bytes in
            easy_set_pointer(handle, CURLOPT_POSTFIELDS, bytes.baseAddress)
            return curl_easy_perform(handle)
        }
    }

    private func cause(_ code: CURLcode, _ handle: UnsafeMutableRawPointer, _ watch: PostWatch) -> String {
        if let refused = watch.refused {
            return "\(refused) is no public address; serve --allowed-webhook-network allows others"
        }
        switch code {
        case CURLE_COULDNT_CONNECT:
            let number = Int32(truncatingIfNeeded: easy_number(handle, CURLINFO_OS_ERRNO))
            return number == 0 ? "no connection" : String(cString: strerror(number)).lowercased()
        case CURLE_COULDNT_RESOLVE_HOST: return "there is no such host"
        case CURLE_OPERATION_TIMEDOUT: return "no answer within \(Limits.deliveryTime.microseconds / 1_000_000) s"
        case CURLE_ABORTED_BY_CALLBACK: return "the server is stopping"
        case CURLE_UNSUPPORTED_PROTOCOL: return "what listens there does not speak HTTP"
        case CURLE_URL_MALFORMAT: return "the address is no web address"
        default: return String(cString: curl_easy_strerror(code)).lowercased()
        }
    }
}

/// What the callbacks of one transfer look at; belongs to the thread that makes it.
private final class PostWatch {
    let rule: AddressRule?
    let isStopped: @Sendable () -> Bool
    var refused: IPAddress?
    var retryAfter: Int?
    var headBytes = 0
    var bodyBytes = 0
    var isBodyCut = false

    init(rule: AddressRule?, isStopped: @escaping @Sendable () -> Bool) {
        self.rule = rule
        self.isStopped = isStopped
    }
}

private func watch(_ context: UnsafeMutableRawPointer?) -> PostWatch? {
    context.map { Unmanaged<PostWatch>.fromOpaque($0).takeUnretainedValue() }
}

/// The last moment before a connection is made, and the address that it is really made to.
private let socketMade: curl_opensocket_callback = { context, _, address in
    guard let watch = watch(context), let address else { return no_socket }
    if let rule = watch.rule {
        let found = withUnsafePointer(to: &address.pointee.addr) { IPAddress($0) }
        guard let found, rule.permits(found) else {
            watch.refused = found
            return no_socket
        }
    }
    return socket(
        address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
}

private let progressMade: curl_xferinfo_callback = { context, _, _, _, _ in
    watch(context)?.isStopped() ?? true ? 1 : 0
}

private let bodyPassed: easy_data_callback = { _, size, count, context in
    guard let watch = watch(context) else { return 0 }
    watch.bodyBytes += size * count
    guard watch.bodyBytes <= Limits.deliveryAnswerBytes else {
        watch.isBodyCut = true
        return size * count == 0 ? 1 : 0
    }
    return size * count
}

private let headPassed: easy_data_callback = { data, size, count, context in
    guard let watch = watch(context) else { return 0 }
    watch.headBytes += size * count
    guard watch.headBytes <= Limits.deliveryHeadBytes else { return 0 }
    let line = String(decoding: UnsafeRawBufferPointer(start: data, count: size * count), as: UTF8.self)
    if line.hasPrefix("HTTP/") {
        watch.retryAfter = nil
    } else if line.lowercased().hasPrefix("retry-after:") {
        let value = line.dropFirst("retry-after:".count).filter { !$0.isWhitespace }
        watch.retryAfter = Int(value).flatMap { $0 >= 0 ? $0 : nil }
    }
    return size * count
}
