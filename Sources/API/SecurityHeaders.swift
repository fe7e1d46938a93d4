internal import HTTPServer

/// The header fields that keep a browser from doing with an answer what it is not meant for.
enum SecurityHeaders {
    /// What a page of ours may do: scripts, styles and requests of this server alone, and no frame around it.
    static let page =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    /// What anything else may do: nothing.
    private static let data = "default-src 'none'; frame-ancestors 'none'"

    /// Adds the fields to an answer; what it says itself of caching and of its policy stays.
    static func add(to response: inout Response) {
        response.setHeader("X-Content-Type-Options", "nosniff")
        response.setHeader("Referrer-Policy", "no-referrer")
        response.setHeader("Cross-Origin-Resource-Policy", "same-origin")
        response.setHeader("Cross-Origin-Opener-Policy", "same-origin")
        if response.header("Content-Security-Policy") == nil { response.setHeader("Content-Security-Policy", data) }
        if response.header("Cache-Control") == nil { response.setHeader("Cache-Control", "no-store") }
    }
}
