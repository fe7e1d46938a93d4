import Model
import Platform

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

    mutating func manifest() -> LoadManifest {
        var rows = CursorRows()
        rows.below = Int(next() >> 1)
        rows.lowest = optional { $0.cursorValue() }
        let bounds = CursorBounds(
            cursor: text(), lower: optional { $0.cursorValue() }, includesLower: Bool.random(using: &self),
            upper: optional { $0.cursorValue() }, future: optional { $0.cursorValue() },
            includesFuture: Bool.random(using: &self), includesNull: Bool.random(using: &self))
        let statement = RunStatement(
            sql: text(), isShortened: Bool.random(using: &self),
            parameters: [RunStatement.Parameter(value: optional { $0.cursorValue() }, meaning: text())])
        let commit = CommitManifest(
            number: 1, attempt: 2, at: Timestamp(microseconds: Int64(next() >> 16)), bounds: optional { _ in bounds },
            cursorRows: optional { _ in rows }, counts: RowCounts(read: 4, inserted: 1, updated: 2, unchanged: 1),
            statements: [statement], phases: [LoadPhase(.stage, seconds: 0.000_017), LoadPhase(.commit, seconds: 2)])
        return LoadManifest(
            commits: [commit], commitsOmitted: Int(next() >> 1), failed: optional { _ in commit })
    }
}
