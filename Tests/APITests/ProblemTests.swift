import Model
import Platform
import Store
import Testing

@testable import API
@testable import HTTPServer

/// Refusals: one mapping, one form, nothing that helps an attacker.
struct ProblemTests {
    @Test func everyFailureHasAStatusOfItsKind() {
        for code in Failure.Code.allCases {
            let status = Failure(code, "x").status
            #expect((400...599).contains(status), "\(code)")
            #expect(Problem(Failure(code, "x")).code == code.rawValue)
        }
        #expect(Failure(.unknownConnection, "x").status == 404)
        #expect(Failure(.unknownConnection, "x", field: "steps[0].source.connection").status == 422)
    }

    @Test func whatIsWrongWithTheControlDatabaseIsNotTheClientsFault() {
        for code in StoreError.Code.allCases {
            let status = Problem(StoreError(code, "x", "x")).status
            switch code {
            case .readOnly, .corrupt, .notAControlDatabase, .newerDatabase, .internalError, .busy, .timedOut,
                .inputOutput, .unusableDirectory, .diskFull, .stopping, .directoryInUse:
                #expect(status >= 500, "\(code)")
            default: #expect(status < 500, "\(code)")
            }
        }
    }

    @Test func whatPassesByItselfSaysWhen() {
        func retryAfter(_ problem: Problem) -> String? { problem.headers.first { $0.name == "Retry-After" }?.value }
        #expect(retryAfter(Problem(Failure(.queueFull, "x"))) == "1")
        #expect(retryAfter(Problem(Failure(.stopping, "x"))) == "5")
        #expect(retryAfter(Problem(Failure(.conflict, "x", isTransient: true))) == "1")
        #expect(retryAfter(Problem(Failure(.conflict, "x"))) == nil)
    }

    @Test func hasTheMembersOfTheStandard() throws {
        let world = try World()
        let answer = world.ask(.get, "/v1/runs?stat=failed")
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(
            answer.json.keys == ["type", "title", "status", "detail", "code", "hint", "field", "request_id"])
        #expect(answer.json["type"] == "urn:strandline:problem:unknown_parameter")
        #expect(answer.json["title"] == "Unknown parameter")
        #expect(answer.json["status"] == 400)
    }

    @Test(arguments: [
        "/v1/%3Cscript%3E", "/v1/pipelines/%3Cscript%3E", "/v1/runs/%3Cscript%3E", "/%3Cscript%3E",
        "/v1/pipelines/orders/watermarks/%3Cscript%3E", "/v1/connections/%3Cscript%3E", "/v1/runs?%3Cscript%3E=1",
        "/v1/pipelines/%3Cscript%3E/watermarks", "/v1/pipelines/%3Cscript%3E/watermarks/a/history",
    ])
    func repeatsNothingHostileOfThePath(_ target: String) throws {
        let world = try World()
        let answer = world.ask(.get, target)
        #expect((400...404).contains(answer.status))
        #expect(!answer.text.contains("script"))
        #expect(answer.header("X-Content-Type-Options") == "nosniff")
        #expect(answer.header("Content-Security-Policy")?.hasPrefix("default-src 'none'") == true)
    }

    @Test func theServersOwnRefusalsAreProblemsToo() throws {
        let world = try World()
        let method = world.ask(.patch, "/v1/runs")
        #expect(method.status == 405)
        #expect(method.header("Allow") == "GET, HEAD")
        #expect(method.code == "method_not_allowed")
        #expect(method.json["request_id"] == "r-1")
        let type = world.ask(.put, "/v1/connections/shop", ["Content-Type": "text/csv"], body: "a,b")
        #expect(type.status == 415)
        #expect(type.code == "unsupported_media_type")
        let large = world.ask(
            .put, "/v1/connections/shop", body: String(repeating: "#", count: Limits.requestBodyBytes + 1))
        #expect(large.status == 413)
    }

    @Test func anUnknownPathBelowTheBaseIsUnknownToEveryMethod() throws {
        let world = try World()
        for method in HTTPServer.Method.allCases {
            let answer = world.ask(method, "/v1/nonsense")
            #expect(answer.status == 404, "\(method)")
            #expect(answer.code == "not_found")
        }
    }

    @Test func indentsWhenAsked() throws {
        let world = try World()
        #expect(world.ask(.get, "/v1/runs?pretty").text == "{\n  \"runs\": [],\n  \"next_cursor\": null\n}\n")
        #expect(world.ask(.get, "/v1/runs").text == "{\"runs\":[],\"next_cursor\":null}\n")
        #expect(world.ask(.get, "/v1/runs?pretty=false").text == "{\"runs\":[],\"next_cursor\":null}\n")
        #expect(world.ask(.get, "/v1/runs/none?pretty").text.hasPrefix("{\n"))
        #expect(world.ask(.get, "/v1/nonsense?pretty").text.hasPrefix("{\n"))
        #expect(world.ask(.patch, "/v1/runs?pretty").text.hasPrefix("{\n"))
    }

    @Test func theLogHasTheCauseOfAServerError() throws {
        let world = try World()
        Problem(503, "locked", "the file is locked").log(
            Log { line in world.lines.update { $0.append(line) } }, request: "r-77")
        #expect(world.lines.read { $0.contains { $0.contains("r-77") && $0.contains("locked") } })
    }
}
