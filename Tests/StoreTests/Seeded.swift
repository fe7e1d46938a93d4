import Model

/// Random numbers from a seed, which a failing test prints.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes() -> [UInt8] {
        (0..<Int.random(in: 0...12, using: &self)).map { _ in
            Bool.random(using: &self)
                ? [0, 0xFF, 0xC0, 0x22, 0x5C, 0x0A].randomElement(using: &self) ?? 0
                : UInt8.random(in: 0x20...0x7E, using: &self)
        }
    }

    mutating func text() -> String { String(decoding: bytes(), as: UTF8.self) }

    mutating func cursorValue() -> CursorValue {
        switch Int.random(in: 0..<4, using: &self) {
        case 0: return .integer(Int64(bitPattern: next()))
        case 1:
            let real = Double(bitPattern: next())
            return .real(real.isNaN ? -0.0 : real)
        case 2: return .text(bytes())
        default: return .blob(bytes())
        }
    }

    mutating func optional<T>(_ make: (inout Seeded) -> T) -> T? {
        Bool.random(using: &self) ? make(&self) : nil
    }
}
