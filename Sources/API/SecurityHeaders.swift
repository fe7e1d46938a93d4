internal import HTTPServer

/// The header fields that keep a browser from doing with an answer what it is not meant for.
enum SecurityHeaders {
    /// What a page of ours may do: scripts, styles and requests of this server alone, and no frame around it.
    static let page =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    /// What anything else may do: nothing.
    private static let data = "default-src 'none'; frame-ancestors 'none'"

    private static let fields = [
        ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ]

    /// Adds the fields to an answer; what it says itself of caching and of its policy stays.
    static func add(to response: inout Response) {
        let hasPolicy = response.header("Content-Security-Policy") != nil
        let hasCaching = response.header("Cache-Control") != nil
        // No answer says these itself, so none is looked for.
        response.headers += fields
        if !hasPolicy { response.headers.append(("Content-Security-Policy", data)) }
        if !hasCaching { response.headers.append(("Cache-Control", "no-store")) }
    }
}
