internal import Model

/// libyaml's complaints in plain words.
enum YAMLSyntax {
    /// The failure for one of libyaml's problems; `opened` is where the thing began that it was reading, `next` the
    /// character at `mark`.
    static func failure(_ problem: String, at mark: Mark, opened: Mark?, next: Unicode.Scalar?) -> Failure {
        let (message, hint) = words(problem, next: next)
        let place = opened.flatMap { $0 == mark ? nil : " (in what begins at \($0.text))" } ?? ""
        return Failure(.malformedDocument, message + place, hint: hint, mark: mark)
    }

    private static func words(_ problem: String, next: Unicode.Scalar?) -> (message: String, hint: String) {
        switch problem {
        case "found character that cannot start any token":
            if next == "\t" { return ("a tab stands where YAML allows only spaces", "Indent with spaces.") }
            let character = next.map { "`\(Character($0))`" } ?? "this character"
            return ("a value may not begin with \(character)", "Put the text in quotes.")
        case "mapping values are not allowed in this context":
            return (
                "a colon stands where no key can be",
                "Check the indentation; a text that holds a colon and a space needs quotes."
            )
        case "could not find expected ':'":
            return ("a key stands without its colon", "Write `key: value`, and check the quotes above.")
        case "did not find expected key":
            return ("a key is expected here", "Check the indentation: keys of one mapping start in the same column.")
        case "did not find expected '-' indicator":
            return ("a list item is expected here", "Check the indentation: every item starts with `- ` in one column.")
        case "did not find expected ',' or ']'":
            return ("a comma or a closing bracket is expected here", "Close the list with `]`.")
        case "did not find expected ',' or '}'":
            return ("a comma or a closing brace is expected here", "Close the mapping with `}`.")
        case "found unexpected end of stream":
            return ("the document ends inside a quoted text", "Close the quote.")
        case "found unknown escape character":
            return (
                "this escape does not exist",
                "A backslash in double quotes is written \\\\; in single quotes it stands for itself."
            )
        case "found invalid Unicode character escape code":
            return ("this escape stands for no character", "Write a character beyond U+FFFF as \\U0001F600.")
        case "found undefined tag handle":
            return ("the tag here is not known", "Remove it; a text with `!` in front needs quotes.")
        case "did not find expected <document start>":
            return ("the text goes on after the end of the document", "Put one document in a file.")
        default:
            return ("the document is not valid YAML: \(problem)", "")
        }
    }
}
