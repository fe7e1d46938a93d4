import SQLite
import Testing

struct ScalarFunctionTests {
    private final class Closure: ScalarFunctionBody {
        let body: (FunctionContext, FunctionArguments) -> Void
        init(_ body: @escaping (FunctionContext, FunctionArguments) -> Void) { self.body = body }
        func call(_ context: FunctionContext, _ arguments: FunctionArguments) { body(context, arguments) }
    }

    private func function(
        _ name: String, _ arguments: Int?, deterministic: Bool = true, innocuous: Bool = false,
        _ body: @escaping (FunctionContext, FunctionArguments) -> Void
    ) -> ScalarFunction {
        ScalarFunction(
            name: name, arguments: arguments, isDeterministic: deterministic, isInnocuous: innocuous,
            body: Closure(body))
    }

    @Test(arguments: [
        Value.null, 7, 1.5, "text", .text(Text(bytes: [0, 0xFF, 0])), .text(""), .blob([]), .blob([0, 1, 2]),
        .integer(.min), .real(.infinity),
    ])
    func passesValuesThrough(value: Value) throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        try database.createFunction(function("same", 1) { $0.result($1, at: 0) })
        try database.createFunction(function("copy", 1) { $0.result($1.value(0)) })
        #expect(try database.first("SELECT same(?1), copy(?1)", [value])?.values == [value, value])
    }

    @Test func readsArgumentsByType() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        var types: [ValueType] = []
        try database.createFunction(
            function("look", nil) { context, arguments in
                types = (0..<arguments.count).map { arguments.type($0) }
                #expect(arguments.integer(1) == 5)
                #expect(arguments.real(2) == 2.5)
                #expect(Array(arguments.bytes(3)) == [0x61, 0, 0x62])
                #expect(Array(arguments.bytes(4)) == [1, 2])
                #expect(arguments.bytes(0).isEmpty)
                context.resultText(arguments.bytes(3))
            })
        let row = try database.first("SELECT look(?, ?, ?, ?, ?)", [nil, 5, 2.5, "a\0b", .blob([1, 2])])
        #expect(row?[0] == "a\0b")
        #expect(types == [.null, .integer, .real, .text, .blob])
    }

    @Test func failsTheStatement() throws {
        let workspace = try Workspace()
        let database = try workspace.database()
        try database.createFunction(function("refuse", 0) { context, _ in context.fail("because it is so") })
        let error = #expect(throws: SQLiteError.self) { try database.rows("SELECT refuse()") }
        #expect(error?.message == "because it is so")
        #expect(throws: SQLiteError.self) { try database.rows("SELECT refuse(1)") }
        #expect(throws: SQLiteError.self) { try database.createFunction(function("a\0b", 0) { _, _ in }) }
        #expect(throws: SQLiteError.self) { try database.createFunction(function("a", 5_000) { _, _ in }) }
    }

    @Test func letsGoOfItsBody() throws {
        let workspace = try Workspace()
        weak var first: Closure?
        weak var second: Closure?
        do {
            let database = try workspace.database()
            do {
                let body = Closure { context, _ in context.result(1 as Int64) }
                first = body
                try database.createFunction(ScalarFunction(name: "f", arguments: 0, body: body))
            }
            #expect(first != nil)
            do {
                let body = Closure { context, _ in context.result(2 as Int64) }
                second = body
                try database.createFunction(ScalarFunction(name: "f", arguments: 0, body: body))
            }
            #expect(first == nil)
            #expect(try database.first("SELECT f()")?[0] == 2)
        }
        #expect(second == nil)
    }

    @Test func aViewMayOnlyCallWhatIsInnocuous() throws {
        let workspace = try Workspace()
        let database = try workspace.database("a.db", "CREATE VIEW v AS SELECT f() AS a")
        try database.createFunction(function("f", 0) { context, _ in context.result(1 as Int64) })
        #expect(throws: SQLiteError.self) { try database.rows("SELECT a FROM v") }
        try database.createFunction(function("f", 0, innocuous: true) { context, _ in context.result(1 as Int64) })
        #expect(try database.first("SELECT a FROM v")?[0] == 1)
    }
}
