/// Answers one request that waits; may be used on any thread.
///
/// The first answer counts and later ones do nothing. A responder that is let go without an answer and without a
/// deadline of its own is answered 500, so that no client waits for nothing; one that is kept too long is answered
/// 503 at the server's limit.
public final class Responder: Sendable {
    private let suspension: Suspension

    init(_ suspension: Suspension) {
        self.suspension = suspension
    }

    deinit {
        suspension.abandon()
    }

    /// Gives the answer; ignored when the request was answered before.
    public func respond(_ response: Response) {
        suspension.answer(response)
    }

    /// Answers with `answer()` when `time` has passed without one, or as soon as the server begins to stop.
    ///
    /// The time is cut at the server's limit for a waiting request; a later call replaces an earlier one. `answer`
    /// runs on the server's sweeper thread or on the caller's, and must not block.
    public func onDeadline(_ time: Duration, _ answer: @escaping @Sendable () -> Response) {
        suspension.setDeadline(time, answer)
    }
}
