/// What a handler says: its answer, or that the answer comes later.
public enum Reply: Sendable {
    /// The answer itself.
    case now(Response)
    /// The request waits without holding a server thread. The closure runs once, on a server thread, after the
    /// connection was put aside: it hands the responder to whoever will answer and must not block.
    case later(@Sendable (Responder) -> Void)
    /// The answer itself, with an open end.
    case stream(StreamedResponse)
}
