internal import ArgumentParser

/// What holds for a stage once file, environment and command line have been laid over the defaults.
package struct StageChoices: Sendable {
    package let schema: StageSchema
    /// The choice that counts for each setting, by its name; what is absent keeps its default.
    package let choices: [String: Choice]
    /// Everything that is wrong with what counts.
    package let mistakes: [Mistake]
    /// The command line that says all of it.
    package let arguments: [String]

    /// Lays the layers over each other and judges the result.
    package init(
        _ stage: StageKind, file: SettingsFile? = nil, variables: Variables = Variables([:]), words: [String] = []
    ) {
        let schema = StageSchema.of(stage)
        let line = CommandWords(words, schema)
        let fromFile: (choices: [Choice], mistakes: [Mistake]) = file?.choices(for: schema) ?? ([], [])
        let fromVariables = variables.choices(for: schema)
        var chosen: [String: Choice] = [:]
        for choice in (fromFile.choices + fromVariables.choices + line.choices).sorted(by: { $0.layer < $1.layer }) {
            chosen[choice.setting.name] = choice
        }
        self.schema = schema
        choices = chosen
        let others = schema.settings.compactMap { chosen[$0.name] }.filter { $0.layer != .commandLine }
        arguments = others.flatMap(\.arguments) + line.words
        mistakes =
            (file?.mistakes ?? []) + fromFile.mistakes + fromVariables.mistakes
            + Judge(schema, line).mistakes(in: others)
    }

    /// What the stage would say about the command line itself, were everything else right; nil where nothing.
    package var objectionToCommandLine: String? {
        Judge(schema, CommandWords(arguments, schema)).objection(to: [])
    }

    /// The text of what holds for a setting: its values, or its default.
    package func values(_ name: String) -> [String] {
        choices[name]?.values ?? schema[name]?.defaultValue.map {
            $0.split(separator: ",").map { "\($0.trimmingPrefix(" "))" }
        }
            ?? []
    }

    /// The same where only one value can be.
    package func value(_ name: String) -> String? { choices[name]?.values.first ?? schema[name]?.defaultValue }

    /// Whether a flag is on.
    package func isOn(_ name: String) -> Bool { choices[name]?.values == ["true"] }

    /// Where what holds comes from.
    package func place(_ name: String) -> Place { choices[name]?.place ?? .nowhere }
}

/// Finds out whom the options' own judgement is about.
private struct Judge {
    private let schema: StageSchema
    private let line: CommandWords

    init(_ schema: StageSchema, _ line: CommandWords) {
        self.schema = schema
        self.line = line
    }

    /// What is wrong with choices although each is of its kind. One after the other is taken out that the options object to,
    /// until they object no more: so all are found, and the options need not know whose values they have.
    func mistakes(in choices: [Choice]) -> [Mistake] {
        var mistakes: [Mistake] = []
        var rest = choices
        while let message = objection(to: rest) {
            // What the command line alone does wrong ArgumentParser says when the stage parses it.
            if objection(to: []) == message { break }
            let decisive = rest.indices.filter { index in
                objection(to: rest[..<index] + rest[(index + 1)...]) != message
            }
            let named = rest.indices.filter { message.names(rest[$0].setting) }
            let blamed = decisive.isEmpty ? named : decisive
            guard let first = blamed.first(where: { named.contains($0) }) ?? blamed.first else {
                mistakes.append(Mistake(.nowhere, message))
                break
            }
            let others = blamed.filter { $0 != first }.map { rest[$0] }
            let text = rest[first].isOfFile ? reworded(message, about: rest[first]) : message
            let also = others.map { "\($0.name) at \($0.place.short)" }
            mistakes.append(
                Mistake(
                    rest[first].place, key: rest[first].isOfFile ? rest[first].name : nil,
                    text + (also.isEmpty ? "" : " (with \(also.joined(separator: ", ")))")))
            for index in blamed.reversed() { rest.remove(at: index) }
        }
        return mistakes
    }

    func objection(to choices: some Sequence<Choice>) -> String? {
        do {
            _ = try schema.stage.options.parse(choices.flatMap(\.arguments) + line.words)
            return nil
        } catch {
            return schema.stage.options.message(for: error)
        }
    }

    /// A message in the words of a file, where keys have no dashes and their name stands in front already.
    private func reworded(_ message: String, about choice: Choice) -> String {
        let ofLine = Set(line.choices.map(\.setting.name))
        let text = message.replacing(/--([a-z0-9-]*[a-z0-9])/) { word in
            let name = String(word.output.1)
            return schema[name] != nil && !ofLine.contains(name) ? name : String(word.output.0)
        }
        for start in ["\(choice.setting.name): ", "\(choice.setting.name) "] where text.hasPrefix(start) {
            return String(text.dropFirst(start.count))
        }
        return text
    }
}

extension String {
    /// Whether an option's word stands in this message.
    fileprivate func names(_ setting: Setting) -> Bool {
        ranges(of: "--\(setting.name)").contains { range in
            range.upperBound == endIndex || !(self[range.upperBound].isLetter || self[range.upperBound] == "-")
        }
    }
}
