internal import ArgumentParser
internal import Foundation
internal import Stage

/// `posebus view`: a store in the browser, without feeding or computing anything.
struct ViewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "view",
        abstract: "Show the recordings of a store in the browser, until Ctrl-C.",
        discussion: """
            Starts posebus-sink on the store, which plays it back, and posebus-gateway, whose address is printed. While \
            posebus up or another sink has the store, its own viewer shows it.
            """)

    @Argument(help: "The store, as given to posebus up or posebus-sink.")
    var store = "posebus.sqlite"

    @Option(help: "Folder of HMR2's files, from which meshes are made. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.")
    var hmr2Dir: String?

    @OptionGroup(title: "Viewer and HTTP") var viewer: ViewerOptions

    func run() async throws {
        guard FileManager.default.fileExists(atPath: store) else {
            printError("posebus view: there is no store \(store). posebus up makes one; name it here")
            throw ExitCode.failure
        }
        let stopped = Latch()
        let gaveUp = FailureNote()
        let supervisor = Supervisor(
            log: { printError($0) }, onDeath: { _ in },
            onGivingUp: {
                gaveUp.note($0)
                stopped.open()
            })
        try await withInterrupt { _ in
            stopped.open()
        } while: {
            do {
                let sink = try await supervisor.start(Self.sink(of: store))
                let address = try await supervisor.start(try gateway(sink))["http"] ?? ""
                printError("viewer: \(address)   (Ctrl-C ends it)")
                await stopped.wait()
            } catch {
                gaveUp.note(error as? StageFailure ?? StageFailure("\(error)", exitCode: .failure))
            }
            await supervisor.end(StagePlans.gatewayName)
            await supervisor.end("posebus-sink")
        }
        if let failure = gaveUp.failure {
            printError("posebus view: \(failure)")
            throw failure.exitCode
        }
    }

    private static func sink(of store: String) -> Supervisor.Plan {
        let free = "tcp://127.0.0.1:*"
        return .init(
            name: "posebus-sink", arguments: ["--store", store, "--log-level", "warning", "--status", "none"],
            binds: [
                ("outcomes", "--bind-outcomes", free), ("acks", "--bind-acks", free),
                ("results", "--bind-results", free), ("replay", "--bind-replay", free),
            ])
    }

    private func gateway(_ sink: Readiness) throws -> Supervisor.Plan {
        guard let results = sink["results"], let replay = sink["replay"] else { throw StageFailure.otherRelease }
        return .init(
            name: StagePlans.gatewayName,
            arguments: [
                "--results", results, "--replay", replay, "--recordings-only",
                "--state", store + ".gateway", "--log-level", "warning",
            ] + (hmr2Dir.map { ["--hmr2-dir", $0] } ?? []) + viewer.arguments,
            binds: [("http", "--bind-http", viewer.address ?? "127.0.0.1:5000")])
    }
}
