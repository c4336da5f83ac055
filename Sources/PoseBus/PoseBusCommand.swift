internal import ArgumentParser
internal import Foundation
internal import Settings
internal import Stage

/// `posebus`: the tool of the person who runs PoseBus.
struct PoseBusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus",
        abstract: "Camera frames in, human poses out, every frame accounted for.",
        discussion: """
            The first run:
              posebus models fetch          get the two weight files (once)
              posebus up ride.mp4           run everything on a video
              posebus export --store posebus.sqlite    read the poses, as JSON
              posebus verify posebus.sqlite            see that no frame is missing
              posebus view posebus.sqlite   look at it in the browser

            Live:
              posebus up /dev/video0        a camera, until Ctrl-C
              posebus watch                 see the results arrive, in another terminal
              posebus status                see how the whole pipeline does

            Each stage can also run alone on its own machine: posebus-ingest, posebus-infer, posebus-sink.
            """,
        version: Release.version,
        subcommands: [
            UpCommand.self, FeedCommand.self, WatchCommand.self, StatusCommand.self, ViewCommand.self,
            ImageCommand.self, ExportCommand.self, RefineCommand.self, VerifyCommand.self, ModelsCommand.self,
            KeysCommand.self, ConfigCommand.self,
            BenchCommand.self,
        ])
}

@main
enum PoseBusProgram {
    static func main() async {
        // For the programs with models that this one starts or becomes.
        letWaitingThreadsSleep()
        let words = Array(CommandLine.arguments.dropFirst())
        do throws(Mistakes) {
            let variables = Variables(ProcessInfo.processInfo.environment)
            await PoseBusCommand.main(try UpSettings.complete(words, variables: variables))
        } catch {
            error.all.forEach { printError("posebus up: \($0)") }
            PoseBusCommand.exit(withError: ExitCode.configuration)
        }
    }
}
