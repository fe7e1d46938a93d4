internal import Engine
internal import Model
internal import Synchronization

/// What was written out of freshness, kept for as long as nothing but ages changes. May be used on any thread.
final class FreshnessTexts: Sendable {
    /// A pipeline as it stands in the list, and with its steps.
    struct Text: Sendable {
        let revision: Int
        let row: AgedText
        let steps: [AgedText]
    }

    private let texts = Mutex<[String: Text]>([:])

    /// Keeps nothing yet.
    init() {}

    /// The texts of a standing.
    func text(_ standing: FreshnessStanding) -> Text {
        texts.withLock { $0.text(standing) }
    }

    /// The texts of many standings.
    func texts(_ standings: [FreshnessStanding]) -> [Text] {
        texts.withLock { texts in
            // Those of pipelines that are gone must not stay for ever.
            if texts.count > 2 * standings.count + 100 { texts = [:] }
            return standings.map { texts.text($0) }
        }
    }
}

extension [String: FreshnessTexts.Text] {
    fileprivate mutating func text(_ standing: FreshnessStanding) -> FreshnessTexts.Text {
        let freshness = standing.freshness
        if let known = self[freshness.name], known.revision == standing.revision { return known }
        let made = FreshnessTexts.Text(
            revision: standing.revision, row: AgedText(freshness.members),
            steps: freshness.steps.map { AgedText($0.members) })
        self[freshness.name] = made
        return made
    }
}
