import SQLite
import Testing

struct ValueTests {
    /// A generator whose seed a failing test prints.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private func random(using generator: inout Seeded) -> Value {
        func bytes() -> [UInt8] {
            (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                // Many NUL bytes and broken UTF-8 sequences.
                Bool.random(using: &generator)
                    ? [0, 0xC0, 0xFF, 0xED, 0x80, 0x27].randomElement(using: &generator) ?? 0
                    : UInt8.random(in: 0...255, using: &generator)
            }
        }
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: return .null
        case 1: return .integer(Int64(bitPattern: generator.next()))
        case 2:
            let real = Double(bitPattern: generator.next())
            return real.isNaN ? .real(-0.0) : .real(real)
        case 3: return .text(Text(bytes: bytes()))
        default: return .blob(bytes())
        }
    }

    @Test func comesBackByteForByte() throws {
        let workspace = try Workspace()
        let database = try workspace.database("v.db", "CREATE TABLE v (n INTEGER PRIMARY KEY, v ANY) STRICT")
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = Seeded(state: seed)
        let values = (0..<2_000).map { _ in random(using: &generator) }
        try database.transaction { () throws(SQLiteError) in
            for value in values { _ = try database.run("INSERT INTO v (v) VALUES (?)", [value]) }
        }
        let read = try database.rows("SELECT v, typeof(v) AS type FROM v ORDER BY n")
        #expect(read.map { $0["v"] } == values, "seed \(seed)")
        #expect(try read.map { try $0.text("type") } == values.map(\.typeName), "seed \(seed)")
        for value in values where !value.isNull {
            #expect(try database.first("SELECT ? IS v FROM v WHERE v IS ?", [value, value])?[0] == 1, "seed \(seed)")
        }
    }

    @Test(arguments: [
        Value.integer(.min), .integer(.max), .real(.infinity), .real(-.infinity), .real(.leastNonzeroMagnitude),
        .text(""), .blob([]), .text(Text(bytes: [0])), .text(Text(bytes: [0x61, 0, 0x62])),
        .text(Text(bytes: [0xFF, 0xFE, 0xC0, 0x80])), .text("Zoë 🌊"), .blob([0, 255]),
    ])
    func keepsTheEdges(value: Value) throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        let row = try #require(try database.first("SELECT ? AS v, typeof(?1) AS type", [value]))
        #expect(row["v"] == value)
        #expect(try row.text("type") == value.typeName)
    }

    @Test func readsNotANumberAsNull() throws {
        let workspace = try Workspace()
        #expect(try workspace.database().first("SELECT ?", [.real(.nan)])?[0] == .null)
    }

    @Test func tellsAnEmptyBlobFromNull() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        #expect(try database.first("SELECT ? IS NULL, length(?)", [.blob([]), .blob([])])?.values == [0, 0])
        #expect(Value.blob([]) != .null)
        #expect(Value.blob([0x61]) != .text("a"))
    }

    @Test func hasLiteralsAndOptionals() {
        #expect(Value(nil as String?) == nil)
        #expect(Value("a") == "a")
        #expect(Value(nil as Int?) == .null)
        #expect(Value(7) == 7)
        #expect(Value(1.5) == 1.5)
        #expect(Value(true) == 1)
        #expect(Value.text("a").string == "a")
        #expect(Value.text(Text(bytes: [0xFF])).string == nil)
        #expect(Text(bytes: [0x61, 0xFF]).description == "a\u{FFFD}")
    }
}
