/// What the file behind a connection is known by later on.
public struct FileMark: Sendable, Equatable {
    /// The connection's path as it was written, whatever it stood for.
    public let path: String
    /// Names the file whatever path leads to it, while it is not replaced.
    public let identity: String

    /// Makes a mark.
    public init(path: String, identity: String) {
        self.path = path
        self.identity = identity
    }

    /// Whether the connection still leads there: by another path to the same file, or by the same path, whose file may
    /// have been moved to another system with all that is around it.
    public func isSame(_ other: FileMark) -> Bool { identity == other.identity || path == other.path }
}
