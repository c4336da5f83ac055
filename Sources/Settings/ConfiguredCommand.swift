package import ArgumentParser
internal import Foundation

/// A stage's command, whose options a file and the environment may give as well.
package protocol ConfiguredCommand: AsyncParsableCommand {
    /// Which of the stages it is.
    static var stage: StageKind { get }
}

extension ConfiguredCommand {
    /// Runs the stage with what file, environment and command line say, or ends with `ExitCode.configuration` (78) and a
    /// sentence for each mistake.
    package static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        let line = CommandWords(words, .of(stage))
        if line.asks { return await main(words) }
        let variables = Variables(ProcessInfo.processInfo.environment)
        let path = (line.file ?? variables.file).flatMap { $0.isEmpty ? nil : $0 }
        let choices: StageChoices
        do throws(Mistakes) {
            let file = try path.map { path throws(Mistakes) in try SettingsFile(path: path) }
            choices = StageChoices(stage, file: file, variables: variables, words: words)
            guard choices.mistakes.isEmpty else { throw Mistakes(all: choices.mistakes) }
        } catch {
            for mistake in error.all {
                FileHandle.standardError.write(Data("\(stage.program): \(mistake)\n".utf8))
            }
            exit(withError: ExitCode(78))
        }
        await main(choices.arguments)
    }
}

/// Which file a program reads.
package struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            File with these options and those of the other stages (docs/configuration.md). Default: $POSEBUS_CONFIG, else \
            none.
            """, valueName: "file"),
        completion: .file())
    package var config: String?

    package init() {}

    /// The same for a program that this one starts.
    package var arguments: [String] { config.map { ["--config", $0] } ?? [] }
}
