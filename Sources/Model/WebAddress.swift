/// The form of addresses that messages are posted to: `http` or `https`, a host, and no name or password.
public enum WebAddress {
    /// The most bytes of an address.
    public static let bytes = 2_000

    /// What is wrong with an address, to go on after its name; nil when nothing is. The address is not shown: it may hold
    /// secrets.
    public static func fault(_ text: String) -> String? {
        guard (1...bytes).contains(text.utf8.count) else { return "must have 1 to \(bytes) bytes" }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C }) else {
            return "holds white space, a backslash or letters outside ASCII"
        }
        guard let cut = text.firstRange(of: "://") else { return "does not begin with https:// or http://" }
        let scheme = text[..<cut.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return "does not begin with https:// or http://" }
        guard !text.contains("#") else { return "holds a fragment" }
        let authority = text[cut.upperBound...].prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { return "holds a user name or password, which would end up in logs" }
        return hostFault(authority)
    }

    private static func hostFault(_ authority: Substring) -> String? {
        var port = Substring()
        var host = authority
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return "names no host" }
            host = authority[...end]
            port = authority[authority.index(after: end)...]
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[colon...]
        }
        guard !host.isEmpty, host != "[]" else { return "names no host" }
        if port.isEmpty { return nil }
        guard port.first == ":", let number = UInt16(port.dropFirst()), number > 0 else { return "has no valid port" }
        return nil
    }
}
