internal import HTTPServer

/// The page and its files.
enum PageRoutes {
    /// The operations on the page; served only where a folder was named.
    static let endpoints = [
        Endpoint(.get, "/", "get_page") { call in file(["index.html"], call) },
        Endpoint(.get, "/{file...}", "get_file") { call in file(call.request.segments, call) },
    ]

    private static func file(_ path: [String], _ call: Call) -> Outcome {
        .later { waiting in
            guard let files = call.services.files else { return waiting.fail(Problem(HTTPError.notFound)) }
            files.answer(path, call.request.headers, waiting)
        }
    }
}
