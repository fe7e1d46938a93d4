import Testing

@testable import strandline

struct PatienceTests {
    private static func failure(_ outlook: CommandError.Outlook) -> CommandError {
        CommandError(message: "it broke off", outlook: outlook)
    }

    /// Asks a server that fails as `outlooks` say, one after the other, and then answers 7.
    private func ask(
        _ outlooks: [CommandError.Outlook], knowsServer: Bool, within limit: Duration = .seconds(60)
    ) -> (answer: Int?, requests: Int) {
        var requests = 0
        let answer = try? Patience(terminal: Terminal(), limit: limit).ask(knowsServer: knowsServer) {
            () throws(CommandError) in
            requests += 1
            guard requests > outlooks.count else { throw PatienceTests.failure(outlooks[requests - 1]) }
            return 7
        }
        return (answer, requests)
    }

    @Test func anAnswerIsTakenAsItIs() {
        #expect(ask([], knowsServer: false) == (7, 1))
    }

    @Test func aServerThatBreaksOffIsAskedAgain() {
        #expect(ask([.interrupted], knowsServer: false) == (7, 2))
        // It stops, is gone, and is back.
        #expect(ask([.interrupted, .unreachable], knowsServer: false) == (7, 3))
        #expect(ask([.unreachable], knowsServer: true) == (7, 2))
    }

    @Test func aServerThatNobodySawIsNotWaitedFor() {
        #expect(ask([.unreachable], knowsServer: false) == (nil, 1))
    }

    @Test func aRefusalIsNotAskedAgain() {
        #expect(ask([.lasting], knowsServer: true) == (nil, 1))
        #expect(ask([.interrupted, .lasting], knowsServer: true) == (nil, 2))
    }

    @Test func givesUpWhenTheTimeIsOver() {
        #expect(ask([.interrupted], knowsServer: true, within: .zero) == (nil, 1))
    }
}
