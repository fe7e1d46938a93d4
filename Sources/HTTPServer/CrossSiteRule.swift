/// Stops what a browser sends on behalf of another site's page; programs such as curl send neither header.
///
/// The rule of Go's `CrossOriginProtection`: `Sec-Fetch-Site` decides where it is there, else `Origin` against `Host`.
enum CrossSiteRule {
    /// Throws `crossSite` for an unsafe request that came from another site.
    static func check(_ method: Method, _ headers: Headers, host: String) throws(HTTPError) {
        guard !method.isSafe else { return }
        let remedy = "requests that change something are taken from this server's own pages and from programs only."
        let sites = headers.all("Sec-Fetch-Site")
        if let site = sites.first(where: { $0 != "same-origin" && $0 != "none" }) {
            throw .crossSite("The header Sec-Fetch-Site says '\(site)'; \(remedy)")
        }
        guard sites.isEmpty else { return }
        for origin in headers.all("Origin") where !isSame(origin, host) {
            throw .crossSite("The header Origin says '\(origin)'; \(remedy)")
        }
    }

    private static func isSame(_ origin: String, _ host: String) -> Bool {
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            return equalsIgnoringCase(String(origin.dropFirst(scheme.utf8.count)), host)
        }
        return false
    }
}
