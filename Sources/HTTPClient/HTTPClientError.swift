/// Why no answer came from a server; an answer of any status is not an error.
public struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    /// What kind of thing went wrong.
    public enum Code: Sendable, Hashable {
        /// The server's address is not one.
        case badAddress
        /// The request cannot be sent as it is.
        case badRequest
        /// Nobody listens there, or the name or the network does not exist.
        case unreachable
        /// The answer did not come in time.
        case timedOut
        /// The answer is longer than the client holds.
        case answerTooLarge
        /// The server's certificate is not trusted, or encryption failed.
        case notTrusted
        /// The connection broke, or what came was not an answer.
        case broken
    }

    /// What kind of thing went wrong.
    public let code: Code
    /// The server's address as it was given.
    public let server: String
    /// What is wrong, in words.
    public let cause: String
    /// What to do about it.
    public let hint: String

    /// The server, what is wrong and what to do, in one line.
    public var description: String {
        switch code {
        case .badAddress: "cannot use the server address \(server): \(cause); \(hint)"
        case .badRequest: "cannot ask \(server): \(cause); \(hint)"
        case .unreachable: "cannot reach \(server): \(cause); \(hint)"
        case .timedOut, .answerTooLarge, .notTrusted, .broken: "no answer from \(server): \(cause); \(hint)"
        }
    }
}
