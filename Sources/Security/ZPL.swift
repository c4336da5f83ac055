/// The ZeroMQ Property Language (RFC 4), as far as certificates use it: names indented by four spaces a level, values
/// after an equals sign, with or without quotes, comments after a number sign.
enum ZPL {
    /// The properties that have a value, each with the names that lead to it.
    static func properties(of text: String) throws(CertificateError) -> [(path: [String], value: String)] {
        var properties: [(path: [String], value: String)] = []
        var path: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            func wrong(_ problem: String) -> CertificateError { CertificateError("line \(index + 1): \(problem)") }
            var rest = line.last == "\r" ? line.dropLast() : line
            let indent = rest.prefix { $0 == " " }.count
            rest = rest.dropFirst(indent)
            guard let first = rest.first, first != "#" else { continue }
            guard indent % 4 == 0, indent / 4 <= path.count else {
                throw wrong("indentation is four spaces a level")
            }
            let name = rest.prefix(while: isNameCharacter)
            guard !name.isEmpty else { throw wrong("a name is expected") }
            path = Array(path.prefix(indent / 4)) + [String(name)]
            rest = rest.dropFirst(name.count).drop { $0 == " " || $0 == "\t" }
            guard let next = rest.first, next != "#" else { continue }
            guard next == "=" else { throw wrong("an equals sign is expected") }
            rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
            guard let value = value(of: rest) else { throw wrong("the value's quotes are not closed") }
            properties.append((path, value))
        }
        return properties
    }

    /// Whether a character may stand in a name.
    static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "$-_@.&+/".contains(character))
    }

    private static func value(of text: Substring) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            // A number sign begins a comment only after a space: it is a character of Z85.
            let words = text.split(separator: " ", omittingEmptySubsequences: false).prefix { !$0.hasPrefix("#") }
            var value = words.joined(separator: " ")[...]
            while let last = value.last, last == " " || last == "\t" { value.removeLast() }
            return String(value)
        }
        guard let end = text.dropFirst().firstIndex(of: quote) else { return nil }
        return String(text[text.index(after: text.startIndex)..<end])
    }
}
