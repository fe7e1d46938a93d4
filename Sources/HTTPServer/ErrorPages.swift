/// Writes the answer to a refused request, so that the transport needs no format of its own.
public protocol ErrorPages: Sendable {
    /// The answer for `error`; its status and header fields are the error's, whatever the answer says.
    ///
    /// Called on any server thread; must not block.
    func response(for error: HTTPError, to head: RequestHead) -> Response
}

/// Refusals as plain text.
public struct PlainErrorPages: ErrorPages {
    /// Makes the pages.
    public init() {}

    /// The error's detail as one line of text.
    public func response(for error: HTTPError, to head: RequestHead) -> Response {
        .text(error.detail + "\n", status: error.status)
    }
}

extension ErrorPages {
    /// The whole answer for `error`: the page, with the error's status and header fields put in.
    func page(for error: HTTPError, to head: RequestHead) -> Response {
        var response = response(for: error, to: head)
        response.status = error.status
        for field in error.headers { response.setHeader(field.name, field.value) }
        return response
    }
}
