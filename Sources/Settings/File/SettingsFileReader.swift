internal import Yams

/// Turns the text of a file into entries, and notes what is wrong with it on the way.
struct SettingsFileReader {
    let path: String
    private(set) var entries: [SettingsFile.Entry] = []
    private(set) var sections: [StageKind: Place] = [:]
    private(set) var mistakes: [Mistake] = []

    /// More values than any list has a use for: each becomes a word of a command line.
    private static let maxValues = 1024

    init(path: String) {
        self.path = path
    }

    mutating func read(_ text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        mistakes += indentedByTabs(lines) + aliases(lines).prefix(1)
        guard mistakes.isEmpty else { return }
        // Each key that is given twice is said at once, so the others have to be read without it. Not without end: reading the
        // largest file so often takes seconds.
        for _ in 0..<20 {
            do {
                let parser = try Parser(yaml: lines.joined(separator: "\n"), encoding: .utf8)
                if let root = try parser.singleRoot() {
                    // Nodes know their anchors only as long as the parser does.
                    withExtendedLifetime(parser) { take(root: root) }
                }
                break
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let again = repetitions(of: keys, first: context.mark, in: lines)
                mistakes += again.mistakes
                guard let line = again.removable else { break }
                lines[line] = ""
            } catch let error as YamlError {
                mistakes.append(explanation(of: error, lines))
                break
            } catch {
                mistakes.append(Mistake(.file(path), "is not YAML: \(error)"))
                break
            }
        }
        mistakes.sort { $0.place.order < $1.place.order }
    }

    private func place(_ mark: Mark?) -> Place {
        mark.map { .line(file: path, line: $0.line, column: $0.column) } ?? .file(path)
    }

    // MARK: Keys and values

    private mutating func take(root: Node) {
        guard note(root) else { return }
        guard case .mapping(let mapping) = root else {
            if case .scalar(let scalar) = root, self.scalar(scalar).isNothing { return }
            mistakes.append(
                Mistake(place(root.mark), "the file has to consist of keys with values, such as log-level: debug"))
            return
        }
        for (key, value) in mapping {
            guard let name = name(key) else { continue }
            guard let section = StageKind(rawValue: name) else {
                add(name, at: key, value, to: nil)
                continue
            }
            sections[section] = place(key.mark)
            take(value, of: section, at: place(key.mark))
        }
    }

    private mutating func take(_ node: Node, of section: StageKind, at place: Place) {
        guard note(node) else { return }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard let name = name(key) else { continue }
                add(name, at: key, value, to: section)
            }
        case .scalar(let scalar) where self.scalar(scalar).isNothing: break
        default:
            mistakes.append(
                Mistake(
                    place, key: section.rawValue,
                    "is a section: keys of \(section.program) belong below it, indented, such as \(example(of: section))"
                ))
        }
    }

    private mutating func add(_ name: String, at key: Node, _ node: Node, to section: StageKind?) {
        guard let value = value(node) else { return }
        entries.append(.init(section: section, key: name, value: value, place: place(key.mark)))
    }

    private func example(of section: StageKind) -> String {
        StageSchema.of(section).settings.first { $0.defaultValue != nil }.map { "\($0.name): \($0.defaultValue ?? "")" }
            ?? ""
    }

    /// The text of a key, or nil once it is noted why there is none.
    private mutating func name(_ node: Node) -> String? {
        guard note(node) else { return nil }
        guard case .scalar(let scalar) = node else {
            mistakes.append(Mistake(place(node.mark), "a key is a word, not a list or further keys"))
            return nil
        }
        return scalar.string
    }

    /// What stands behind a key, or nil once it is noted that this file cannot have it.
    private mutating func value(_ node: Node) -> SettingsFile.Value? {
        guard note(node) else { return nil }
        switch node {
        case .scalar(let scalar): return .scalar(self.scalar(scalar))
        case .sequence(let sequence):
            var scalars: [SettingsFile.Scalar] = []
            for element in sequence {
                guard note(element) else { return nil }
                guard case .scalar(let scalar) = element else {
                    return .unfit(place(element.mark), "a list of values is expected, not of lists or keys")
                }
                scalars.append(self.scalar(scalar))
            }
            guard scalars.count <= Self.maxValues else {
                return .unfit(place(node.mark), "the list has more than \(Self.maxValues) values")
            }
            return .list(scalars)
        case .mapping, .alias: return .unfit(place(node.mark), "a value is expected, not further keys")
        }
    }

    private func scalar(_ scalar: Node.Scalar) -> SettingsFile.Scalar {
        .init(text: scalar.string, isQuoted: scalar.style != .plain, place: place(scalar.mark))
    }

    /// Notes what YAML can say and this file cannot.
    ///
    /// - Returns: whether the node says nothing of the kind.
    private mutating func note(_ node: Node) -> Bool {
        let anchor: Anchor?
        let tag: Tag
        switch node {
        case .scalar(let scalar): (anchor, tag) = (scalar.anchor, scalar.tag)
        case .mapping(let mapping): (anchor, tag) = (mapping.anchor, mapping.tag)
        case .sequence(let sequence): (anchor, tag) = (sequence.anchor, sequence.tag)
        case .alias(let alias): (anchor, tag) = (alias.anchor, alias.tag)
        }
        if let anchor {
            mistakes.append(
                Mistake(place(node.mark), "anchors (&\(anchor.rawValue)) are not read here; write values out"))
            return false
        }
        // Quotes are a tag too, that of text; and Yams gives keys that are lists or mappings theirs when it compares them.
        guard ["", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"].contains("\(tag)") else {
            mistakes.append(Mistake(place(node.mark), "tags (\(quoted("\(tag)"))) are not read here; leave it out"))
            return false
        }
        return true
    }
}

extension Place {
    /// For sorting what was found in one file.
    fileprivate var order: Int {
        if case .line(_, let line, let column) = self { line << 20 + min(column, 1 << 20 - 1) } else { 0 }
    }
}
