internal import Glibc

/// The order of bytes, as SQLite's BINARY collation has it.
enum BytesOrder {
    /// Negative, zero or positive as the first `count` bytes at `left` lie below, at or above those at `right`.
    static func compare(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Int {
        Int(memcmp(left, right, count))
    }
}
