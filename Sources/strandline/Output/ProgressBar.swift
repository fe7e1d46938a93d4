/// One line that shows how far a piece of work is.
struct ProgressBar {
    /// The line: `label [####----]  42 %  detail`; without a share, the label and the detail alone;
    /// without room for a bar, no bar, and no more of the detail than there is room for.
    static func text(label: String, share: Double?, detail: String, columns: Int) -> String {
        let safe = (Terminal.safe(label), Terminal.safe(detail))
        guard let share else { return String("\(safe.0)  \(safe.1)".prefix(columns - 1)) }
        let percent = Int(min(1, max(0, share)) * 100)
        let figure = String(repeating: " ", count: 3 - String(percent).count) + "\(percent) %"
        let width = min(40, columns - safe.0.count - safe.1.count - figure.count - 8)
        guard width >= 5 else { return String("\(safe.0)  \(figure)  \(safe.1)".prefix(columns - 1)) }
        let full = percent * width / 100
        let bar = String(repeating: "#", count: full) + String(repeating: "-", count: width - full)
        return "\(safe.0) [\(bar)] \(figure)  \(safe.1)"
    }
}
