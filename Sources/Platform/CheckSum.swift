/// A check sum of 64 bits (FNV-1a), for telling texts apart that nobody makes alike on purpose.
public struct CheckSum: Sendable, Equatable {
    /// The sum.
    public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The sum of bytes.
    public init(_ bytes: some Sequence<UInt8>) {
        add(bytes)
    }

    /// Takes in more bytes.
    public mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// The sum in hexadecimal digits.
    public var text: String { String(value, radix: 16) }
}
