/// Why the server cannot listen.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    /// What kind of thing went wrong.
    public enum Code: Sendable, Hashable {
        case badAddress
        case addressInUse
        case addressUnavailable
        case notPermitted
        case failed
    }

    /// What kind of thing went wrong.
    public let code: Code
    /// The address and port that were asked for.
    public let endpoint: String
    /// What is wrong, in words.
    public let cause: String
    /// What to do about it.
    public let hint: String

    /// The thing, what is wrong and what to do, in one line.
    public var description: String { "cannot listen on \(endpoint): \(cause); \(hint)" }
}
