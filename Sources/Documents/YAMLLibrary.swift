internal import CYAML

/// The libyaml that the process runs on.
public enum YAMLLibrary {
    /// Its version, as `0.2.5`.
    public static var version: String { String(cString: yaml_get_version_string()) }
}
