/// An answer whose end is open: a head at once, then bytes as long as its source has some.
///
/// Its connection is put aside, without a thread, while the source has nothing to say.
public struct StreamedResponse: Sendable {
    /// The status and the header fields; its body is not sent.
    public var head: Response
    /// How long the answer is silent before its source is asked whether it has something to say all the same; kept to the
    /// server's sweep interval.
    public var beat: Duration
    /// Makes the source; called once, on a server thread. It keeps the waker to say that it has more.
    public let open: @Sendable (StreamWaker) -> any StreamSource

    /// Makes an answer.
    public init(
        head: Response, beat: Duration, open: @escaping @Sendable (StreamWaker) -> any StreamSource
    ) {
        self.head = head
        self.beat = beat
        self.open = open
    }
}

/// Where the bytes of a streamed answer come from. `read` and `end` are called on server threads, never two at a time.
public protocol StreamSource: AnyObject, Sendable {
    /// Puts the next bytes at the front of `buffer`, which may be as short as one byte; must not block.
    ///
    /// After `nothing` it is asked again when its waker was called, or, with `onBeat`, after a time of silence. A waker that
    /// is called while this runs counts.
    func read(into buffer: UnsafeMutableRawBufferPointer, onBeat: Bool) -> StreamPart
    /// The answer is over: sent to its end, or cut. Called once, the last call of all.
    func end()
}

/// What a source has for its answer.
public enum StreamPart: Sendable, Equatable {
    /// So many bytes stand in the buffer, one at least.
    case bytes(Int)
    /// Nothing now.
    case nothing
    /// Nothing any more: the answer ends in good order.
    case end
}

/// Has a source asked for more; may be called on any thread, also after the answer is over.
public struct StreamWaker: Sendable {
    private let call: @Sendable () -> Void

    /// Makes a waker that calls `call`.
    public init(_ call: @escaping @Sendable () -> Void) {
        self.call = call
    }

    /// Has the source asked for more.
    public func wake() { call() }
}
