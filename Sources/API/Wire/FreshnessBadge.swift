internal import Model

/// A small picture that says how fresh a pipeline is: it needs no font, script or file of anybody.
struct FreshnessBadge {
    /// The pipeline's name: a plain word, by the rules of names.
    let name: String
    /// How it stands.
    let state: FreshnessState

    /// The picture as SVG.
    var text: String {
        // Digits and small letters of a common font at 11 pixels take up to 7; `textLength` fits what a font makes wider.
        let (left, right) = (name.utf8.count * 7 + 12, state.rawValue.utf8.count * 7 + 12)
        let title = "\(name): \(state.rawValue)"
        func word(_ text: String, from x: Int, _ width: Int) -> String {
            "<text x=\"\(x + width / 2)\" y=\"14\" textLength=\"\(width - 12)\" lengthAdjust=\"spacingAndGlyphs\">\(text)</text>"
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(left + right)" height="20" role="img" aria-label="\(title)">
            <title>\(title)</title>
            <rect width="\(left + right)" height="20" rx="3" fill="#3b4252"/>
            <path d="M\(left) 0h\(right - 3)a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-\(right - 3)z" fill="\(colour)"/>
            <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
            \(word(name, from: 0, left))
            \(word(state.rawValue, from: left, right))
            </g>
            </svg>

            """
    }

    /// White can be read on each of them: a contrast of 4.5 to 1 at least.
    private var colour: String {
        switch state {
        case .fresh: "#18794e"
        case .warn: "#9a5b00"
        case .stale: "#c4281c"
        case .unknown: "#5c6370"
        }
    }
}
