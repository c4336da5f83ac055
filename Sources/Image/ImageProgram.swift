internal import ArgumentParser
internal import Foundation
internal import Settings
internal import Stage
internal import Tensor

/// `posebus-image`: what `posebus` does with models but without the bus. A program of its own because the engines
/// are half of its size, and no other command of `posebus` needs them.
@main
struct ImageProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus-image", abstract: "What posebus does with models but without the bus.",
        version: Release.version,
        subcommands: [ImageCommand.self, HMR2BenchCommand.self, SMPLBenchCommand.self],
        defaultSubcommand: ImageCommand.self)
}

/// Makes libtorch ready, first thing.
///
/// - Throws: `TorchError` where there is none that this program was built for.
func openTorch(_ settings: EngineSettings) throws(TorchError) {
    letWaitingThreadsSleep()
    if let warning = try TorchRuntime.open(settings.torch) { printError("posebus-image: \(warning)") }
}

/// Writes a line to standard error: standard output is for results.
func printError(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
