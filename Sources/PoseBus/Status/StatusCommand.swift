internal import ArgumentParser
internal import Foundation
internal import Overview
internal import Settings
internal import Stage

/// `posebus status`: the whole pipeline on one screen.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "See how the whole pipeline does: stages, streams, queues, times, and where it hangs.",
        discussion: """
            Asks the stages that run (their --status addresses) each second and shows what they answer on one screen, until Ctrl-C. \
            The first line says in words whether frames go through, and if not, what keeps them. Rates and times are of the last \
            five seconds. It needs no keys, reads only, and shows what it can while a stage is away.

            Where the stages are, options say, else the file of settings, else they are taken to be on this machine.

              posebus status                                       all on this machine
              posebus status --config posebus.yaml                 where this file has them
              posebus status --ingest hub:5580 --infer gpu1:5581 --infer gpu2:5581 --sink archive:5582
              posebus status --once                                one look, also where standard output is no terminal
              posebus status --json                                one look, for programs

            With --once and --json it looks twice, a second apart, and exits with 1 where something is away or stuck.
            """)

    @Option(
        name: .customLong("ingest"),
        help: ArgumentHelp("Where an ingest serves its status; repeat. Default: 127.0.0.1:5580.", valueName: "url"))
    var ingests: [String] = []

    @Option(
        name: .customLong("infer"),
        help: ArgumentHelp("Where an infer serves its status; repeat. Default: 127.0.0.1:5581.", valueName: "url"))
    var infers: [String] = []

    @Option(help: ArgumentHelp("Where the sink serves its status. Default: 127.0.0.1:5582.", valueName: "url"))
    var sink: String?

    @Option(
        help: ArgumentHelp("Where the gateway is. Default: 127.0.0.1:5000, if one answers there.", valueName: "url"))
    var gateway: String?

    @OptionGroup var configuration: ConfigurationOptions

    @Flag(help: "Print the screen once.")
    var once = false

    @Flag(help: "Print one snapshot as JSON.")
    var json = false

    /// The time that rates and quantiles are of.
    private static let span = Duration.seconds(5)
    private static let interval = Duration.seconds(1)
    private static let patience = Duration.seconds(1)

    func validate() throws {
        let given = [(StageAddress.Kind.ingest, ingests), (.infer, infers), (.sink, sink.map { [$0] } ?? [])]
        for (kind, texts) in given + [(.gateway, gateway.map { [$0] } ?? [])] {
            for text in texts where StageAddress(kind, text) == nil {
                throw ValidationError("--\(kind.rawValue) \(text): http://HOST:PORT is expected")
            }
        }
    }

    func run() async throws {
        let addresses: [StageAddress]
        do throws(Mistakes) {
            addresses = try self.addresses(ConfiguredPlaces(configuration))
        } catch {
            error.all.forEach { printError("posebus status: \($0)") }
            throw ExitCode.configuration
        }
        guard addresses.contains(where: \.isExpected) else {
            printError("posebus status: the configuration has no stage that serves its status (`status: none`)")
            throw ExitCode.configuration
        }
        guard !once, !json, LiveScreen.isPossible else {
            let verdict = try await lookOnce(at: addresses)
            if verdict.level == .stuck { throw ExitCode.failure }
            return
        }
        let stop = Latch()
        try await withInterrupt { _ in
            stop.open()
        } while: {
            await watch(addresses, until: stop)
        }
    }

    private func addresses(_ places: ConfiguredPlaces) -> [StageAddress] {
        func addresses(_ kind: StageAddress.Kind, _ given: [String]) -> [StageAddress] {
            (given.isEmpty ? places.status(of: kind) : given).compactMap {
                // A gateway is no part that a pipeline has to have.
                StageAddress(kind, $0, isExpected: kind != .gateway || !given.isEmpty)
            }
        }
        return addresses(.ingest, ingests) + addresses(.infer, infers) + addresses(.sink, sink.map { [$0] } ?? [])
            + addresses(.gateway, gateway.map { [$0] } ?? [])
    }

    // MARK: - Looking

    private func lookOnce(at addresses: [StageAddress]) async throws -> Verdict {
        let before = await Self.readings(of: addresses)
        try await Task.sleep(for: Self.interval)
        let status = PipelineStatus(from: before, to: await Self.readings(of: addresses))
        let verdict = Verdict(on: status)
        if json {
            print(try StatusReport(status, verdict, at: .now).json)
        } else {
            for line in StatusScreen(status, verdict, columns: LiveScreen.columns).lines { print(line.text) }
        }
        return verdict
    }

    private func watch(_ addresses: [StageAddress], until stop: Latch) async {
        let screen = LiveScreen()
        defer { screen.close() }
        var history: [[StageReading]] = []
        while !stop.isOpen {
            let began = ContinuousClock.now
            history.append(await Self.readings(of: addresses))
            while history.count > 2, let second = history[1].first, began - second.time >= Self.span {
                history.removeFirst()
            }
            guard !stop.isOpen, let first = history.first, let last = history.last else { return }
            let status = PipelineStatus(from: history.count > 1 ? first : [], to: last)
            let size = LiveScreen.size
            screen.draw(StatusScreen(status, Verdict(on: status), columns: size.columns, rows: size.rows - 2).lines)
            await Self.wait(until: began + Self.interval, or: stop)
        }
    }

    /// What each stage answers, all asked at the same time.
    private static func readings(of addresses: [StageAddress]) async -> [StageReading] {
        await withTaskGroup(of: (Int, StageReading).self) { group in
            for (index, address) in addresses.enumerated() {
                group.addTask { (index, await reading(of: address)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// On a thread of its own: whoever waits for an answer blocks.
    private static func reading(of address: StageAddress) async -> StageReading {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: StageReading(of: address, timeout: patience)) }
        }
    }

    private static func wait(until time: ContinuousClock.Instant, or stop: Latch) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(until: time) }
            group.addTask {
                while !stop.isOpen, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(50)) }
            }
            await group.next()
            group.cancelAll()
        }
    }
}
