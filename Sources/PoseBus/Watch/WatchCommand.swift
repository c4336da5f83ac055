internal import ArgumentParser
internal import Client
internal import Exports
internal import Foundation
internal import Messages
internal import Security
internal import Stage
internal import Synchronization
internal import ZeroMQ

/// `posebus watch`: live results in the terminal.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "See results as they are published.",
        discussion: """
            Shows one line for each frame: stream, sequence, persons with their track, score and box, or why the frame was \
            dropped, and the time from acceptance to its commit. With --json the outcomes themselves, one a line, for other \
            programs. From the first frame shown on none is left out, however slow the terminal is: what was missed is \
            fetched from the sink's store (--replay). With --from-start that begins with the session's first frame. \
            Ctrl-C ends it.
            """)

    @Option(help: "The sink's endpoint for results.")
    var from = Port.results.loopback

    @Option(help: "The sink's endpoint for replay.")
    var replay = Port.replay.loopback

    @Option(help: "Only this stream.")
    var stream: String?

    @Flag(help: "Begin with the first frame of the session that runs (with --stream: or ran last).")
    var fromStart = false

    @Flag(help: "Print whole outcomes as JSON lines.")
    var json = false

    @Option(help: "End after so many frames.")
    var frames: Int?

    @OptionGroup(title: "Security") var security: SecurityOptions

    func run() async throws {
        let keys = try security.security(for: "posebus", program: "posebus watch", log: { printError($0) })
        let name: StreamName?
        do {
            name = try stream.map { try StreamName($0) }
        } catch {
            printError("posebus watch: --stream: \(error)")
            throw ExitCode.validationFailure
        }
        let stop = StopSignal()
        try await withInterrupt { _ in
            stop.request()
        } while: {
            try await runOnThread(named: "watch") { try watch(name, keys, until: stop) }
        }
    }

    private func watch(_ name: StreamName?, _ keys: StageSecurity, until stop: StopSignal) throws {
        let subscriber = try Subscriber(
            to: from, replay: replay, streams: name.map { [$0] }, start: fromStart ? .session : .live,
            in: Context(access: keys.access))
        printError("watching \(from)\(name.map { ", stream \($0)" } ?? ""); Ctrl-C ends it")
        let output = try ExportFile.standardOutput()
        var seen = 0
        var hasSaidWaiting = false
        let start = ContinuousClock.now
        while !stop.isRequested, seen < frames ?? .max {
            guard let event = try subscriber.next(timeout: .milliseconds(100)) else {
                if seen == 0, !hasSaidWaiting, .now - start > .seconds(3) {
                    hasSaidWaiting = true
                    printError("nothing yet: results appear while a stream is fed (posebus feed SOURCE)")
                }
                continue
            }
            switch event {
            case .outcome(let outcome):
                seen += 1
                if json {
                    try output.write(line: outcome.jsonBytes())
                } else {
                    try output.write(line: Self.line(outcome))
                }
                try output.flush()
            case .session(let session):
                let count = "\(session.frames) frames, \(session.poses) poses, \(session.drops) drops"
                printError("\(session.stream) \(session.event == .begin ? "begins" : "ends: \(count)")")
            }
        }
        let missing = subscriber.statistics.missing
        if missing > 0 { printError("\(missing) frames are neither published nor in the store") }
    }

    /// One frame as a line for a person.
    static func line(_ outcome: Outcome) -> String {
        let frame = outcome.frame
        var line = "\(frame.stream) #\(frame.sequence)  "
        if let drop = outcome.drop {
            line += "dropped by \(drop.stage.rawValue): \(drop.reason.rawValue)"
        } else if outcome.persons.isEmpty {
            line += "nobody"
        } else {
            line += outcome.persons.map { person in
                let box = person.bbox
                let name = person.observed ? "person" : "expected: person"
                return "\(name) \(person.trackID) \(Int(person.score * 100))% at \(Int(box.x)),\(Int(box.y)) "
                    + "\(Int(box.width))×\(Int(box.height))"
            }.joined(separator: " | ")
        }
        return line + "  \(Double(outcome.timing.total).fixed(1)) ms"
    }
}
