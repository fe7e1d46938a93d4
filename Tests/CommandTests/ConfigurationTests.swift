import Foundation
import HTTPClient
import Platform
import Testing

@testable import strandline

struct ConfigurationTests {
    private func read(
        _ words: String..., environment: [String: String] = [:]
    ) -> (configuration: Configuration, problems: [String]) {
        let form = CommandForm(name: "serve", summary: "", options: Configuration.options)
        var (arguments, problems) = ArgumentReader.read(words, by: form) { environment[$0] }
        let configuration = Configuration(arguments, problems: &problems)
        return (configuration, problems)
    }

    @Test func theDefaultsAreSafe() {
        let (configuration, problems) = read()
        #expect(problems.isEmpty)
        #expect(configuration.listen == ListenAddress(host: "127.0.0.1", port: 8080))
        #expect(configuration.stateDirectory == "./strandline-data")
        #expect(configuration.dataRoots == ["."])
        #expect(configuration.workers == Limits.workers)
        #expect(configuration.allowedHosts.isEmpty)
        #expect(configuration.webhookNetworks.isEmpty)
        #expect(configuration.lineage == nil)
        #expect(configuration.logFormat == .text)
        #expect(configuration.logLevel == .info)
        #expect(configuration.stopTime == .seconds(20))
        #expect(configuration.rowsPerCommit == Limits.rowsPerCommit)
    }

    @Test func takesEveryFlag() {
        let directory = FileManager.default.temporaryDirectory.path
        let (configuration, problems) = read(
            "--listen", "[::1]:0", "--state-dir", "s", "--config-dir", directory, "--data-root", directory, "--public",
            directory, "--workers", "2", "--allowed-host", "loads.example.org", "--log-format", "json", "--log-level",
            "debug", "--stop-timeout", "1m", "--rows-per-commit", "1000", "--allowed-webhook-network", "10.0.0.0/8",
            "--allowed-webhook-network", "::1", "--openlineage", "http://localhost:5000/api/v1/lineage",
            "--openlineage-namespace", "shop")
        #expect(problems.isEmpty)
        #expect(configuration.listen == ListenAddress(host: "::1", port: 0))
        #expect(configuration.stateDirectory == "s")
        #expect(configuration.configDirectory == directory)
        #expect(configuration.dataRoots == [directory])
        #expect(configuration.publicDirectory == directory)
        #expect(configuration.workers == 2)
        #expect(configuration.allowedHosts == ["loads.example.org"])
        #expect(configuration.webhookNetworks == ["10.0.0.0/8", "::1"].compactMap { IPNetwork($0) })
        #expect(configuration.lineage == .url("http://localhost:5000/api/v1/lineage"))
        #expect(configuration.lineageNamespace == "shop")
        #expect(configuration.logFormat == .json)
        #expect(configuration.logLevel == .debug)
        #expect(configuration.stopTime == .seconds(60))
        #expect(configuration.rowsPerCommit == 1_000)
    }

    @Test func theEnvironmentStandsBelowTheFlags() {
        let environment = ["STRANDLINE_LISTEN": "127.0.0.1:1", "STRANDLINE_WORKERS": "7"]
        let (configuration, problems) = read("--listen", "127.0.0.1:2", environment: environment)
        #expect(problems.isEmpty)
        #expect(configuration.listen.port == 2)
        #expect(configuration.workers == 7)
    }

    @Test(arguments: ["0.0.0.0:8080", "[::]:8080", "192.168.1.2:80", "[2001:db8::1]:80"])
    func refusesToListenElsewhereUnlessTold(address: String) {
        let refused = read("--listen", address)
        #expect(refused.problems.count == 1)
        #expect(refused.problems.first?.contains("--insecure") == true)
        #expect(refused.configuration.listen.isLoopback)
        let told = read("--listen", address, "--insecure")
        #expect(told.problems.isEmpty)
        #expect(told.configuration.listen == ListenAddress(address))
    }

    @Test func namesTheVariableThatIsWrong() {
        let problems = read(environment: ["STRANDLINE_LISTEN": "0.0.0.0:1", "STRANDLINE_WORKERS": "x"]).problems
        #expect(problems.count == 2)
        #expect(problems[0].hasPrefix("STRANDLINE_LISTEN 0.0.0.0:1 would let every machine"))
        #expect(problems[1].hasPrefix("STRANDLINE_WORKERS is `x`"))
    }

    @Test func tellsEveryProblemAtOnce() {
        let problems = read(
            "--listen", "here", "--workers", "0", "--log-format", "xml", "--log-level", "wran", "--stop-timeout", "5",
            "--rows-per-commit", "-1", "--data-root", "/nowhere/at/all", "--config-dir", "/nowhere", "--public",
            "/nowhere",
            "--allowed-host", "http://x/", "--state-dir", "", "--allowed-webhook-network", "10.0.0.0/33",
            "--openlineage", "http://user:canary@example.org", "--openlineage-namespace", ""
        ).problems
        #expect(!problems.contains { $0.contains("canary") })
        #expect(problems.count == 14, "\(problems)")
        for flag in Configuration.options.map(\.name) where flag != "insecure" {
            #expect(problems.contains { $0.contains("--" + flag) }, "\(flag)")
        }
        #expect(problems.contains { $0.contains("did you mean warn?") })
    }

    @Test(arguments: [
        ("127.0.0.1:8080", true), ("localhost:0", true), ("127.9.9.9:1", true), ("[::1]:65535", true),
        ("0.0.0.0:1", false), ("[::]:1", false), ("10.0.0.1:1", false),
    ])
    func knowsWhatIsLoopback(text: String, isLoopback: Bool) {
        #expect(ListenAddress(text)?.isLoopback == isLoopback)
    }

    @Test(arguments: [
        "", ":", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:x", "::1:80",
        "[127.0.0.1]:80", "[::1]", "example.org:80", "256.0.0.1:1", "1.2.3:1", "127.0.0.1.example.org:80",
        "127.0.0.1:+1",
    ])
    func refusesWhatIsNoAddress(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test func writesItsURL() {
        #expect(ListenAddress("[::1]:0")?.url(port: 7) == "http://[::1]:7")
        #expect(ListenAddress("127.0.0.1:0")?.url(port: 7) == "http://127.0.0.1:7")
    }
}
