internal import CCurl

/// The libcurl that the process runs on.
public enum CurlLibrary {
    /// Its version, as `7.88.1`.
    public static var version: String {
        // The text begins `libcurl/7.88.1 ` and goes on with the libraries below it.
        let text = String(cString: curl_version())
        return String(text.drop { $0 != "/" }.dropFirst().prefix { $0 != " " })
    }
}
