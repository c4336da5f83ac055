internal import ArgumentParser
internal import Foundation
internal import Settings
internal import Stage

/// `posebus config`: the file of settings, checked, shown and printed.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check, show or print the configuration of the stages.",
        discussion: """
            One file, posebus.yaml, holds the options of all stages (docs/configuration.md). A stage reads it with --config FILE, \
            or where $POSEBUS_CONFIG names it. Options win over variables, those over the file's sections, and those over its \
            top.

              posebus config example > posebus.yaml
              posebus config check posebus.yaml
              posebus config show --stage ingest --config posebus.yaml
            """,
        subcommands: [ConfigCheckCommand.self, ConfigExampleCommand.self, ConfigShowCommand.self])
}

/// `posebus config example`.
struct ConfigExampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "example", abstract: "Print a file with every key, its help and its default.")

    func run() {
        print(ExampleFile.text, terminator: "")
    }
}

/// `posebus config check`.
struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say every mistake in a file, with its line, and what does not fit together.",
        discussion: """
            Looks at the stages that the file has sections for (at all, where it has none) and at the variables that are set here. \
            The exit status is 0 where stages can start with it, else 78. A remark is no mistake.
            """)

    @Argument(help: "The file. Default: $POSEBUS_CONFIG, else posebus.yaml in this folder.", completion: .file())
    var file: String?

    @Option(help: "Only for this stage: ingest, infer, sink or gateway. May be repeated.")
    var stage: [StageKind] = []

    func run() throws {
        let variables = Variables(ProcessInfo.processInfo.environment)
        let path = file ?? variables.file ?? "posebus.yaml"
        let check: ConfigurationCheck
        do throws(Mistakes) {
            check = ConfigurationCheck(try SettingsFile(path: path), variables: variables, stages: stage)
        } catch {
            error.all.forEach { print($0) }
            throw ExitCode.configuration
        }
        check.mistakes.forEach { print($0) }
        let stages = check.stages.map(\.rawValue).joined(separator: ", ")
        guard check.isRight else {
            let count = check.mistakes.count { !$0.isRemark }
            print("\(path): \(count) \(count == 1 ? "mistake" : "mistakes") (looked at: \(stages))")
            throw ExitCode.configuration
        }
        print("\(path): right, with \(check.keys) \(check.keys == 1 ? "key" : "keys") for \(stages)")
    }
}

/// `posebus config show`.
struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what holds for a stage, and where each value comes from.",
        discussion: """
            Each line is a key, its value, and its origin: default, FILE:LINE, a variable, or an option. Options of the stage can \
            follow behind --:

              posebus config show --stage sink --config posebus.yaml -- --store other.sqlite
            """)

    @Option(help: "The stage: ingest, infer, sink or gateway. May be repeated. Default: all.")
    var stage: [StageKind] = []

    @OptionGroup var file: ConfigurationOptions

    @Argument(parsing: .postTerminator, help: "Options of the stage.")
    var options: [String] = []

    func run() throws {
        let variables = Variables(ProcessInfo.processInfo.environment)
        let stages = stage.isEmpty ? StageKind.allCases : stage
        do throws(Mistakes) {
            let file = try (file.config ?? variables.file).map { path throws(Mistakes) in try SettingsFile(path: path) }
            let choices = stages.map { StageChoices($0, file: file, variables: variables, words: options) }
            var seen: Set<Mistake> = []
            let mistakes = choices.flatMap(\.mistakes).filter { seen.insert($0).inserted }
            guard mistakes.isEmpty else { throw Mistakes(all: mistakes) }
            if let objection = choices.lazy.compactMap(\.objectionToCommandLine).first {
                throw Mistakes(all: [Mistake(.word("command line"), objection)])
            }
            for (number, choices) in choices.enumerated() { show(choices, underTitle: stages.count > 1, number) }
        } catch {
            error.all.forEach { printError("posebus config show: \($0)") }
            throw ExitCode.configuration
        }
    }

    private func show(_ choices: StageChoices, underTitle: Bool, _ number: Int) {
        if underTitle { print("\(number == 0 ? "" : "\n")\(choices.schema.stage.rawValue)") }
        let rows = choices.schema.settings.map { setting in
            let value =
                setting.kind == .flag
                ? "\(choices.isOn(setting.name))" : choices.values(setting.name).joined(separator: ", ")
            return (setting.name, value.isEmpty ? "-" : value, choices.choices[setting.name]?.place.short ?? "default")
        }
        let names = rows.map(\.0.count).max() ?? 0
        // Very long values would push the origins of all others out of sight.
        let values = min(48, rows.map(\.1.count).max() ?? 0)
        for (name, value, origin) in rows {
            print(padded(name, names) + "  " + padded(value, values) + "  " + origin)
        }
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
