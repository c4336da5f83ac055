internal import Yams

/// What is wrong with the file as YAML, in words that say what to do.
extension SettingsFileReader {
    /// Tabs in front of something: YAML takes them for no indentation.
    func indentedByTabs(_ lines: [String]) -> [Mistake] {
        lines.enumerated().compactMap { number, line in
            let indentation = line.prefix { $0 == " " || $0 == "\t" }
            guard let tab = indentation.firstIndex(of: "\t"),
                let first = line.dropFirst(indentation.count).first, !first.isNewline
            else { return nil }
            return mistake(number, line.distance(from: line.startIndex, to: tab), "a tab; indent with spaces")
        }
    }

    /// Words that repeat what an anchor marked. They are looked for before anything is read, since a few lines of them can stand
    /// for more values than memory holds.
    func aliases(_ lines: [String]) -> [Mistake] {
        var anchors: Set<Substring> = []
        var found: [Mistake] = []
        for (number, line) in lines.enumerated() {
            var before: Character = " "
            for (column, index) in line.indices.enumerated() {
                defer { before = line[index] }
                guard line[index] == "&" || line[index] == "*", " \t[{,".contains(before) else { continue }
                let name = line[line.index(after: index)...].prefix { !" \t\r,[]{}".contains($0) }
                if name.isEmpty { continue }
                if line[index] == "&" {
                    anchors.insert(name)
                } else if anchors.contains(name) {
                    found.append(mistake(number, column, "aliases (*\(name)) are not read here; write values out"))
                }
            }
        }
        return found
    }

    /// Where keys stand again that stood before in the same section.
    ///
    /// - Returns: with a line that can be left out for reading on: one that holds the key's value as well.
    func repetitions(of keys: [String], first: Mark, in lines: [String]) -> (mistakes: [Mistake], removable: Int?) {
        let indentation = first.column - 1
        for number in first.line..<max(first.line, lines.count) {
            let line = lines[number]
            let content = line.drop { $0 == " " }
            if content.isEmpty || content.hasPrefix("#") || content.hasPrefix("\r") { continue }
            let depth = line.count - content.count
            if depth < indentation { break }
            guard depth == indentation, let colon = content.firstIndex(of: ":") else { continue }
            let key = content[..<colon].trimmingPrefix { "\"' ".contains($0) }.prefix { !"\"' ".contains($0) }
            guard keys.contains(String(key)) else { continue }
            // Its first place is that of one of the keys; with several keys the others are found in the next round.
            guard
                key
                    == lines[first.line - 1].dropFirst(indentation).trimmingPrefix(while: { "\"'".contains($0) })
                    .prefix(key.count)
            else { continue }
            let value = content[content.index(after: colon)...].drop { $0 == " " }
            let isWhole = !value.isEmpty && !value.hasPrefix("#") && !"|>[{\"'".contains(value.first ?? " ")
            return (
                [mistake(number, indentation, "\(key) is given again; line \(first.line) has it already")],
                isWhole ? number : nil
            )
        }
        let names = keys.joined(separator: ", ")
        return ([mistake(first.line - 1, indentation, "\(names) is given more than once")], nil)
    }

    /// What the parser says, with what is usually behind it.
    func explanation(of error: YamlError, _ lines: [String]) -> Mistake {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            if let context, let hint = hint(problem, since: context, lines) {
                return mistake(context.mark.line - 1, context.mark.column - 1, hint)
            }
            return mistake(mark.line - 1, mark.column - 1, hint(problem, mark, lines))
        case .composer(_, let problem, let mark, _):
            let isSecond = problem.contains("another document")
            return mistake(
                mark.line - 1, mark.column - 1,
                isSecond ? "a second document begins here; the file has to be one" : "not YAML: \(problem)")
        case .reader(let problem, let offset, let value, let yaml):
            let before = yaml.prefix(offset ?? 0)
            let line = before.count { $0.isNewline }
            let column = before.reversed().prefix { !$0.isNewline }.count
            let character = value > 0 ? " (U+\(String(value, radix: 16, uppercase: true)))" : ""
            return mistake(line, column, "\(problem)\(character)")
        default:
            return Mistake(.file(path), "is not YAML: \(error)")
        }
    }

    /// What is wrong where something begins, although it shows only later on.
    private func hint(_ problem: String, since context: YamlError.Context, _ lines: [String]) -> String? {
        if problem.contains("expected alphabetic or numeric character") {
            return "a value cannot begin with \(character(at: context.mark, lines) ?? "this"); put it into quotes"
        }
        if problem.contains("could not find expected ':'") { return "a key without a colon and a space after it" }
        if problem.contains("unexpected end of stream"), context.text.contains("quoted") {
            return "the quote that begins here is never closed"
        }
        if problem.contains("did not find expected ',' or") {
            return "what begins here is never closed, or a comma is missing in it"
        }
        return nil
    }

    private func character(at mark: Mark, _ lines: [String]) -> String? {
        let line = lines.indices.contains(mark.line - 1) ? lines[mark.line - 1] : ""
        return line.dropFirst(mark.column - 1).first.map(String.init)
    }

    private func hint(_ problem: String, _ mark: Mark, _ lines: [String]) -> String {
        let character = character(at: mark, lines)
        if character == "\t" { return "a tab; use spaces" }
        if problem.contains("cannot start any token") {
            return "a value cannot begin with \(character ?? "this"); put it into quotes"
        }
        if problem.contains("mapping values are not allowed") {
            return "a colon where none can be: the line is indented too far, or the value needs quotes"
        }
        if problem.contains("escape character") {
            return "a backslash in double quotes begins something else; use single quotes"
        }
        if problem.contains("did not find expected key") || problem.contains("did not find expected '-'") {
            return "the indentation fits nothing above, or a quoted value goes on behind its quote"
        }
        if problem.contains("Maximum nesting level") { return "nested too deep" }
        return "not YAML: \(problem)"
    }

    /// - Parameters: line and column count from 0.
    private func mistake(_ line: Int, _ column: Int, _ text: String) -> Mistake {
        Mistake(.line(file: path, line: line + 1, column: column + 1), text)
    }
}
