import Foundation
import Model
import Testing

/// Made-up lives of a source and its step, with changes, runs, crashes, rewinds and rollbacks, against a plain model.
///
/// `STRANDLINE_STORY_SEEDS` and `STRANDLINE_STORY_MOVES` make it play more of them, and longer ones.
struct StoryTests {
    private static let seeds = number("STRANDLINE_STORY_SEEDS") ?? 18
    private static let moves = number("STRANDLINE_STORY_MOVES") ?? 600

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    @Test("every story ends as the model says", arguments: 0..<seeds)
    func endsAsTheModelSays(seed: Int) {
        let story = Story(seed: UInt64(seed), moves: StoryTests.moves)
        guard let deviation = StoryPlayer.play(story) else { return }
        let short = StoryPlayer.shrunk(story)
        Issue.record("\(deviation)\ncut down to \(StoryPlayer.play(short)?.description ?? "nothing") of\n\(short)")
    }
}
