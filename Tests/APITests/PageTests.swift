import Foundation
import Model
import Testing

@testable import API
@testable import HTTPServer

/// The page and its files, and nothing outside their folder.
struct PageTests {
    private func world() throws -> World {
        let world = try World()
        try world.page("index.html", "<!doctype html><title>Strandline</title>")
        try world.page("app.js", "'use strict'")
        try world.page("assets/style.css", "body {}")
        try world.page(".secret", "hidden")
        try "outside".write(toFile: world.directory + "/outside.txt", atomically: true, encoding: .utf8)
        return world
    }

    @Test func servesThePageWithATightPolicy() throws {
        let answer = try world().ask(.get, "/")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "text/html; charset=utf-8")
        let policy = answer.header("Content-Security-Policy") ?? ""
        for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            #expect(policy.contains(rule))
        }
        #expect(!policy.contains("unsafe"))
        #expect(answer.header("X-Content-Type-Options") == "nosniff")
        #expect(answer.header("Referrer-Policy") == "no-referrer")
        #expect(answer.header("Cross-Origin-Opener-Policy") == "same-origin")
        #expect(answer.header("Cross-Origin-Resource-Policy") == "same-origin")
        #expect(answer.text.contains("Strandline"))
    }

    @Test(arguments: [
        ("/app.js", "text/javascript; charset=utf-8"), ("/assets/style.css", "text/css; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
    ])
    func servesFilesWithTheirType(_ path: String, _ type: String) throws {
        let answer = try world().ask(.get, path)
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == type)
    }

    @Test func aFileThatIsHeldIsNotSentAgain() throws {
        let world = try world()
        let tag = world.ask(.get, "/app.js").header("ETag") ?? ""
        let held = world.ask(.get, "/app.js", ["If-None-Match": tag])
        #expect(held.status == 304)
        #expect(held.text.isEmpty)
        try world.page("app.js", "'use strict'; // changed")
        let changed = world.ask(.get, "/app.js", ["If-None-Match": tag])
        #expect(changed.status == 200)
        #expect(changed.text.hasSuffix("changed"))
    }

    @Test func aPageThatIsHeldKeepsItsPolicy() throws {
        let world = try world()
        let first = world.ask(.get, "/")
        let again = world.ask(.get, "/", ["If-None-Match": first.header("ETag") ?? ""])
        #expect(again.status == 304)
        #expect(again.header("Content-Security-Policy") == first.header("Content-Security-Policy"))
    }

    @Test(arguments: [
        "/../outside.txt", "/%2e%2e/outside.txt", "/..%2Foutside.txt", "/assets/..%2F..%2Foutside.txt",
        "/assets/%2e%2e/%2e%2e/outside.txt", "/%2Fetc%2Fpasswd", "//etc/passwd", "/.secret", "/assets", "/assets/",
        "/link.txt", "/links/outside.txt", "/pipe", "/nothing.txt", "/app.js/", "/..%5Coutside.txt",
    ])
    func nothingElseIsServed(_ path: String) throws {
        let world = try world()
        let folder = world.directory + "/public/"
        try FileManager.default.createSymbolicLink(
            atPath: folder + "link.txt", withDestinationPath: world.directory + "/outside.txt")
        try FileManager.default.createSymbolicLink(
            atPath: folder + "links", withDestinationPath: world.directory)
        mkfifo(folder + "pipe", 0o600)
        let answer = world.ask(.get, path)
        #expect(answer.status == 404 || answer.status == 400, "\(answer.text)")
        #expect(!answer.text.contains("outside"))
        #expect(answer.header("Content-Type") == "application/problem+json")
    }

    @Test func withoutAFolderThereIsNoPage() throws {
        let world = try World()
        let api = API(
            engine: world.engine, store: world.store, log: world.silentLog, clock: world.clock)
        #expect(!api.router.routes.contains { $0.pattern == "/" })
        guard case .now(let response) = api.router.reply(to: try Request(.get, "/")) else {
            Issue.record("the answer waits")
            return
        }
        #expect(response.status == 404)
    }
}
