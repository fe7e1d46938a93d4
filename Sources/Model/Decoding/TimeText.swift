internal import Platform

/// The forms in which documents write instants: a date, or a date and time with `T` or a space, with or without
/// seconds' fraction and offset.
enum TimeText {
    /// Whether a text has one of the forms.
    static func isTime(_ text: String) -> Bool {
        [text, text + "Z", text + "T00:00:00Z"].contains { Timestamp(rfc3339: $0) != nil }
    }
}
