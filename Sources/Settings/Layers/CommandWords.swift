/// A command line, and what it chooses.
package struct CommandWords: Sendable {
    /// The words for ArgumentParser.
    package let words: [String]
    /// The file that it names.
    package let file: String?
    /// What it chooses, for telling it apart from what others choose. ArgumentParser judges the values.
    package let choices: [Choice]
    /// Whether it asks for help or the like, for which nobody's configuration has to be right.
    package let asks: Bool

    /// Reads the words behind a stage's name.
    ///
    /// - Parameter schema: of the stage; `--forward-frames=false` takes back what others have switched on.
    package init(_ words: [String], _ schema: StageSchema) {
        var kept: [String] = []
        var file: String?
        var values: [String: [String]] = [:]
        var order: [String] = []
        var named: [String: String] = [:]
        var asks = false
        var index = 0
        while index < words.count {
            let word = words[index]
            index += 1
            kept.append(word)
            if word == "--" {
                kept += words[index...]
                break
            }
            let questions = ["-h", "--help", "--version", "--experimental-dump-help"]
            asks = asks || questions.contains(word) || word.hasPrefix("--generate-completion-script")
            guard word.hasPrefix("-") else { continue }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let inline = parts.count == 2 ? String(parts[1]) : nil
            let next = index < words.count ? words[index] : nil
            if parts[0] == "--config" { file = inline ?? next }
            guard let setting = schema.setting(named: parts[0]) else { continue }
            if setting.kind == .flag {
                if let inline, ["true", "false"].contains(inline) {
                    kept.removeLast()
                    if inline == "true" { kept.append(String(parts[0])) }
                }
                values[setting.name] = [inline ?? "true"]
            } else if let value = inline ?? next {
                values[setting.name] = (setting.isList ? values[setting.name] ?? [] : []) + [value]
            }
            if named.updateValue(String(parts[0]), forKey: setting.name) == nil { order.append(setting.name) }
        }
        self.words = kept
        self.file = file
        self.asks = asks
        choices = order.compactMap { name in
            guard let setting = schema[name], let word = named[name] else { return nil }
            return Choice(
                setting: setting, values: values[name] ?? [], layer: .commandLine, place: .word(word), name: word)
        }
    }
}
