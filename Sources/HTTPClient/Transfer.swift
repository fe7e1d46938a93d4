internal import CCurl
internal import Glibc
internal import Platform

/// One request and its answer through libcurl. Belongs to the thread that makes it.
struct Transfer {
    private let address: ServerAddress

    /// Makes a transfer to a server.
    init(_ address: ServerAddress) {
        self.address = address
    }

    /// Sends a request that was checked before and waits for the answer, `timeout` at most; with a taker it goes on as long
    /// as that wants.
    func run(
        _ method: String, _ path: String, _ headers: [(name: String, value: String)], _ body: [UInt8]?,
        _ timeout: Duration, _ taker: AnswerTaker? = nil
    ) throws(HTTPClientError) -> HTTPAnswer {
        guard Transfer.isLibraryReady, let handle = curl_easy_init() else {
            throw error(.broken, "libcurl does not start", "look at the memory that is free")
        }
        defer { curl_easy_cleanup(handle) }
        let list = headerList(headers, hasBody: body != nil)
        defer { curl_slist_free_all(list) }
        let receipt = Receipt(taker)
        let milliseconds = Int(clamping: max(1, timeout.microseconds / 1_000))
        let connectMilliseconds = min(milliseconds, Int(Limits.clientConnectTime.microseconds / 1_000))

        easy_set_web_only(handle)
        easy_set_text(handle, CURLOPT_URL, address.text + path)
        easy_set_number(handle, CURLOPT_PATH_AS_IS, 1)
        easy_set_number(handle, CURLOPT_FOLLOWLOCATION, 0)
        easy_set_number(handle, CURLOPT_NOSIGNAL, 1)
        easy_set_number(handle, CURLOPT_TIMEOUT_MS, taker == nil ? milliseconds : 0)
        easy_set_number(handle, CURLOPT_CONNECTTIMEOUT_MS, connectMilliseconds)
        easy_set_list(handle, CURLOPT_HTTPHEADER, list)
        if address.isLoopback { easy_set_text(handle, CURLOPT_NOPROXY, "*") }
        easy_set_callback(handle, CURLOPT_WRITEFUNCTION, bodyRead)
        easy_set_callback(handle, CURLOPT_HEADERFUNCTION, headerRead)
        let opaque = Unmanaged.passUnretained(receipt).toOpaque()
        easy_set_pointer(handle, CURLOPT_WRITEDATA, opaque)
        easy_set_pointer(handle, CURLOPT_HEADERDATA, opaque)

        if taker != nil { easy_set_watcher(handle, progressMade, opaque) }
        let code = withExtendedLifetime(receipt) { perform(handle, method, body) }
        guard code == CURLE_OK || taker?.ending == .done else { throw failure(code, handle, receipt, timeout) }
        return HTTPAnswer(
            status: easy_number(handle, CURLINFO_RESPONSE_CODE), headers: receipt.headers, body: receipt.body)
    }

    private func perform(_ handle: UnsafeMutableRawPointer, _ method: String, _ body: [UInt8]?) -> CURLcode {
        if method == "HEAD" {
            easy_set_number(handle, CURLOPT_NOBODY, 1)
            return curl_easy_perform(handle)
        }
        let isBodyUsual = method == "POST" || method == "PUT"
        guard body != nil || isBodyUsual else {
            easy_set_text(handle, CURLOPT_CUSTOMREQUEST, method)
            return curl_easy_perform(handle)
        }
        // Copied by the library: a nil pointer of an empty body would make it ask for one.
        let bytes = body ?? []
        easy_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
        (bytes + [0]).withUnsafeBytes { _ = easy_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, $0.baseAddress) }
        easy_set_text(handle, CURLOPT_CUSTOMREQUEST, method)
        return curl_easy_perform(handle)
    }

    private func headerList(
        _ headers: [(name: String, value: String)], hasBody: Bool
    ) -> UnsafeMutablePointer<curl_slist>? {
        var lines = headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        if !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            // A name without a value takes the library's own field out.
            lines.append(hasBody ? "Content-Type: application/json" : "Content-Type:")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { list = curl_slist_append(list, line) ?? list }
        return list
    }

    private func failure(
        _ code: CURLcode, _ handle: UnsafeMutableRawPointer, _ receipt: Receipt, _ timeout: Duration
    ) -> HTTPClientError {
        if receipt.isTooLarge {
            return error(
                .answerTooLarge, "the answer is longer than \(Limits.clientAnswerBytes) bytes",
                "ask for less, with limit")
        }
        if receipt.taker?.ending == .silent {
            return error(
                .timedOut, "nothing came within \(Double(timeout.microseconds / 1_000) / 1_000) s",
                "look whether it still runs")
        }
        switch code {
        case CURLE_COULDNT_CONNECT:
            let number = Int32(truncatingIfNeeded: easy_number(handle, CURLINFO_OS_ERRNO))
            let cause = number == 0 ? "no connection" : String(cString: strerror(number)).lowercased()
            return error(.unreachable, cause, "is `strandline serve` running?")
        case CURLE_COULDNT_RESOLVE_HOST:
            return error(.unreachable, "there is no such host", "check --server or STRANDLINE_SERVER")
        case CURLE_COULDNT_RESOLVE_PROXY:
            return error(.unreachable, "there is no such proxy", "check http_proxy and https_proxy")
        case CURLE_OPERATION_TIMEDOUT:
            let isConnected = easy_number(handle, CURLINFO_LOCAL_PORT) > 0
            let cause = "nothing came within \(Double(timeout.microseconds / 1_000) / 1_000) s"
            return isConnected
                ? error(.timedOut, cause, "the work may go on; look before you repeat it")
                : error(.unreachable, cause, "check --server and the network")
        case CURLE_UNSUPPORTED_PROTOCOL:
            // The scheme was checked before: this is what the library says of an answer without a status line.
            return error(.broken, "what listens there does not speak HTTP", "check --server or STRANDLINE_SERVER")
        case CURLE_URL_MALFORMAT:
            return error(.badAddress, "it is not a web address", "give one such as http://127.0.0.1:8080")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE:
            return error(
                .notTrusted, String(cString: curl_easy_strerror(code)).lowercased(),
                "check that the server speaks https and that its certificate is trusted here")
        default:
            return error(
                .broken, String(cString: curl_easy_strerror(code)).lowercased(), "look at the server's log")
        }
    }

    private func error(_ code: HTTPClientError.Code, _ cause: String, _ hint: String) -> HTTPClientError {
        HTTPClientError(code: code, server: address.text, cause: cause, hint: hint)
    }

    /// The library's own start, once a process, as it is not safe on two threads.
    static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
}

/// What has come of an answer.
private final class Receipt {
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var headerBytes = 0
    var isTooLarge = false
    var isSuccess = false
    let taker: AnswerTaker?

    init(_ taker: AnswerTaker?) {
        self.taker = taker
    }
}

private func receipt(_ context: UnsafeMutableRawPointer?) -> Receipt? {
    context.map { Unmanaged<Receipt>.fromOpaque($0).takeUnretainedValue() }
}

/// A part of the body came; another count than the given one ends the transfer.
private let bodyRead: easy_data_callback = { data, size, count, context in
    guard let receipt = receipt(context) else { return 0 }
    let length = size * count
    if receipt.isSuccess, let taker = receipt.taker {
        let goesOn = taker.receive(Array(UnsafeRawBufferPointer(start: data, count: length)))
        return goesOn ? length : length == 0 ? 1 : 0
    }
    guard receipt.body.count + length <= Limits.clientAnswerBytes else {
        receipt.isTooLarge = true
        return length == 0 ? 1 : 0
    }
    receipt.body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: length))
    return length
}

/// A line of the head came; a status line begins a new head, after an interim answer.
private let headerRead: easy_data_callback = { data, size, count, context in
    guard let receipt = receipt(context) else { return 0 }
    let length = size * count
    receipt.headerBytes += length
    guard receipt.headerBytes <= Limits.clientHeadBytes else {
        receipt.isTooLarge = true
        return 0
    }
    let line = String(decoding: UnsafeRawBufferPointer(start: data, count: length), as: UTF8.self)
    if line.hasPrefix("HTTP/") {
        receipt.headers = []
        receipt.isSuccess = line.split(separator: " ").dropFirst().first == "200"
    } else if let colon = line.utf8.firstIndex(of: 0x3A) {
        let value = line[colon...].utf8.dropFirst().drop { $0 == 0x20 || $0 == 0x09 }
        let end = value.lastIndex { $0 > 0x20 }.map { value.index(after: $0) } ?? value.startIndex
        receipt.headers.append((String(line[..<colon]), String(Substring(value[..<end]))))
    }
    return length
}

/// Called about once a second at least: ends a transfer that its taker no longer wants.
private let progressMade: curl_xferinfo_callback = { context, _, _, _, _ in
    receipt(context)?.taker?.goesOn() ?? true ? 0 : 1
}
