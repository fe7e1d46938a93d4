import Engine
import Model
import Platform
import Synchronization

/// A receiver of messages that answers as it is told, and remembers what it got.
final class ScriptedPoster: LetterPosting {
    typealias Script = @Sendable (Letter, StopToken) -> PostOutcome

    private let script: Mutex<Script>
    let letters = Signal<Letter>()

    /// Makes a receiver that takes everything unless said.
    init(_ script: @escaping Script = { _, _ in .answered(status: 200, retryAfter: nil) }) {
        self.script = Mutex(script)
    }

    /// Answers so from now on.
    func answer(_ script: @escaping Script) { self.script.withLock { $0 = script } }

    func post(_ letter: Letter, stop: StopToken) -> PostOutcome {
        letters.send(letter)
        return script.withLock { $0 }(letter, stop)
    }

    /// The kinds of the messages that came, in their order.
    var types: [String] { letters.values.map(\.type) }
}

extension Letter {
    var json: JSONValue { (try? JSONValue(parsing: body.utf8)) ?? .null }
    var type: String { json["type"]?.string ?? "" }
    var url: String {
        if case .webhook(let url, _) = receiver { url } else { "" }
    }
    var keys: [[UInt8]] {
        if case .webhook(_, let keys) = receiver { keys } else { [] }
    }
}
