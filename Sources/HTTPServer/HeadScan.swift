/// Walks over the parts of a request's head where the library keeps them, and looks at what stands between them.
///
/// The library hands out texts that end at a NUL, so that a NUL sent by a client hides what follows it; the hidden
/// bytes still stand in the library's buffer, behind the part they were cut from.
struct HeadScan {
    private var end: UnsafeRawPointer?
    private let limit: Int
    /// Whether only line ends, white space and colons were met between the parts, and the parts came in order.
    private(set) var isWhole = true

    /// Makes a scan of one buffer of at most `limit` bytes.
    init(limit: Int) {
        self.limit = limit
    }

    /// Looks at the bytes from the part before to this one.
    mutating func pass(_ part: UnsafeRawPointer, _ count: Int) {
        reach(part)
        end = part + count
    }

    /// Looks at the bytes from the part before up to `place`.
    mutating func reach(_ place: UnsafeRawPointer) {
        guard let end, isWhole else { return }
        let gap = place - end
        // A part that lies elsewhere was put together from several lines.
        guard gap >= 0, gap <= limit else {
            isWhole = false
            return
        }
        isWhole = UnsafeRawBufferPointer(start: end, count: gap).allSatisfy { byte in
            switch byte {
            case 0x00, 0x09, 0x0A, 0x0D, 0x20, 0x3A: true
            default: false
            }
        }
    }
}
