internal import Glibc

/// What the process uses of the machine, as the kernel counts it.
public struct ProcessFigures: Sendable, Equatable {
    /// The time that its threads have spent on processors.
    public let processorTime: Duration
    /// Its memory that lies in main memory, in bytes; nil where the kernel does not tell.
    public let residentBytes: Int?
    /// Its address space in bytes; nil where the kernel does not tell.
    public let virtualBytes: Int?
    /// Its open files and sockets; nil where the kernel does not tell.
    public let openFiles: Int?
    /// How many of those it may have; nil for no bound.
    public let openFilesBound: Int?

    /// Asks the kernel; reads `/proc`, which lies in memory. May be called on any thread.
    public init() {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        processorTime = .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let pages = ProcessFigures.pages()
        virtualBytes = pages.map { $0.virtual * page }
        residentBytes = pages.map { $0.resident * page }
        openFiles = ProcessFigures.countFiles()
        var bound = rlimit()
        let isBounded =
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &bound) == 0 && bound.rlim_cur != rlim_t.max
        openFilesBound = isBounded ? Int(clamping: bound.rlim_cur) : nil
    }

    private static func pages() -> (virtual: Int, resident: Int)? {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        let words = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
            .map { Int(String(decoding: $0, as: UTF8.self)) }
        guard words.count > 2, let all = words[0], let resident = words[1] else { return nil }
        return (all, resident)
    }

    private static func countFiles() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        // Not the folder, its parent, and the file that this reading holds open.
        var count = -3
        while readdir(folder) != nil { count += 1 }
        return max(0, count)
    }
}
