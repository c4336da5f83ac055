internal import ArgumentParser
internal import Foundation
internal import Stage

/// `posebus-image`: what `posebus` does with models but without the bus. A program of its own because it loads libtorch,
/// which takes half a second that no other command of `posebus` needs.
@main
struct ImageProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus-image", abstract: "What posebus does with models but without the bus.",
        version: Release.version,
        subcommands: [ImageCommand.self, HMR2BenchCommand.self],
        defaultSubcommand: ImageCommand.self)
}

/// Writes a line to standard error: standard output is for results.
func printError(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
