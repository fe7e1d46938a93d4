internal import HTTPServer

extension MetricsText.Format {
    /// The format that a client would rather have (RFC 9110, section 12.5.1); text where it does not say, or takes neither.
    init(_ headers: Headers) {
        let wishes = headers.all("Accept").flatMap { $0.split(separator: ",") }.compactMap { MediaWish($0) }
        let open = wishes.weight(of: "application/openmetrics-text", version: "1.0.0")
        let text = wishes.weight(of: "text/plain", version: "0.0.4")
        // Whoever only says that anything will do has not asked for it.
        let isNamed = wishes.contains { $0.type == "application/openmetrics-text" }
        self = isNamed && open > 0 && open >= text ? .openMetrics : .prometheus
    }
}

/// One of the media types that a client takes.
private struct MediaWish {
    let type: String
    let version: String?
    let weight: Double

    init?(_ text: Substring) {
        let parts = text.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
        guard let type = parts.first, type.contains("/") else { return nil }
        self.type = type
        func parameter(_ name: String) -> String? {
            parts.dropFirst().first { $0.hasPrefix(name + "=") }
                .map { $0.dropFirst(name.utf8.count + 1).filter { $0 != "\"" } }
        }
        version = parameter("version")
        weight = parameter("q").map { Double($0) ?? 0 } ?? 1
    }

    /// How exactly it names a type in a version; nil when it does not name it.
    func exactness(for type: String, version: String) -> Int? {
        if self.type == type {
            guard let wanted = self.version else { return 2 }
            return wanted == version ? 3 : nil
        }
        let family = type.prefix { $0 != "/" }
        if self.type == family + "/*" { return 1 }
        return self.type == "*/*" ? 0 : nil
    }
}

extension [MediaWish] {
    /// The weight of a type: that of whatever names it most exactly; 0 when it is not taken.
    fileprivate func weight(of type: String, version: String) -> Double {
        let named = compactMap { wish in wish.exactness(for: type, version: version).map { ($0, wish.weight) } }
        return named.max { ($0.0, $0.1) < ($1.0, $1.1) }?.1 ?? 0
    }
}
