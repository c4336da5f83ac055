/// The documented file: every key with its help and its default, commented out, so that it changes nothing as it is.
package enum ExampleFile {
    private static let width = 116

    /// The whole text.
    package static var text: String {
        let head = """
            # posebus.yaml: every setting of every stage, with its default. Take the # away before a key to change it.
            #
            # Read by posebus-ingest, posebus-infer, posebus-sink, posebus-gateway and posebus up with --config FILE, or where
            # $POSEBUS_CONFIG names it. `posebus config check FILE` explains every mistake with its line; docs/configuration.md
            # says the rest. Options of the command line win over variables of the environment ($POSEBUS_INGEST_WINDOW_FRAMES,
            # $POSEBUS_LOG_LEVEL), those over the stage's section, and that over the keys for all stages. Relative paths start
            # from this file's folder. Where a list may stand, one value may stand too: `infer: [tcp://a:5560, tcp://b:5560]`.
            #
            # Written by `posebus config example`.


            """
        let shared = StageSchema.shared
        var text = head + "# For all stages. In a stage's section the same keys count for that stage alone.\n\n"
        text += shared.map { key($0, indentation: "") }.joined(separator: "\n")
        for stage in StageKind.allCases {
            // A shared key stands again where it means something of its own.
            let own = StageSchema.of(stage).settings.filter { setting in
                !shared.contains { $0.name == setting.name && $0.help == setting.help }
            }
            text += "\n\(stage.rawValue):\n"
            var heading: String?
            for (number, setting) in own.enumerated() {
                if setting.heading != heading, let title = setting.heading { text += "\n  # --- \(title) ---\n" }
                heading = setting.heading
                text += (number == 0 ? "" : "\n") + key(setting, indentation: "  ")
            }
        }
        return text
    }

    private static func key(_ setting: Setting, indentation: String) -> String {
        let help = ([setting.help] + (setting.discussion.map { [$0] } ?? [])).joined(separator: " ")
        return wrapped(help + allowed(setting), indentation + "# ")
            + "\(indentation)#\(setting.name): \(value(setting))\n"
    }

    /// What the help leaves to the usage line: the words that can stand there, unless it names them all.
    private static func allowed(_ setting: Setting) -> String {
        guard case .word(let words) = setting.kind, !words.allSatisfy(setting.help.contains) else { return "" }
        return " One of \(words.joined(separator: ", "))."
    }

    private static func value(_ setting: Setting) -> String {
        switch (setting.kind, setting.defaultValue) {
        case (.flag, _): "false"
        case (_, let value?): setting.isList ? "[\(value.contains("*") ? "\"\(value)\"" : value)]" : scalar(value)
        case (.path, nil): "PATH"
        case (.word(let words), nil): words.first ?? ""
        case (.integer, nil), (.number, nil): "NUMBER"
        case (.bytes, nil): "2G"
        case (.endpoint, nil), (.endpointOrFile, nil): "ENDPOINT"
        case (.text, nil): setting.valueName == setting.name ? "…" : setting.valueName.uppercased()
        }
    }

    /// In quotes where YAML would read something else.
    private static func scalar(_ value: String) -> String {
        value.isEmpty || value.contains("*") || value.contains(": ") ? "\"\(value)\"" : value
    }

    private static func wrapped(_ text: String, _ prefix: String) -> String {
        var lines = ""
        var line = ""
        for word in text.split(whereSeparator: \.isWhitespace) {
            if !line.isEmpty, prefix.count + line.count + 1 + word.count > width {
                lines += "\(prefix)\(line)\n"
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + (line.isEmpty ? "" : "\(prefix)\(line)\n")
    }
}
