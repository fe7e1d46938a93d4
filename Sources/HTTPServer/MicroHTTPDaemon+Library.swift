internal import CMicroHTTP

/// The libmicrohttpd that the process runs on.
public enum MicroHTTPLibrary {
    /// Its version, as `0.9.75`.
    public static var version: String { String(cString: MHD_get_version()) }
}
