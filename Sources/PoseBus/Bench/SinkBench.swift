internal import ArgumentParser
internal import Foundation
internal import Messages
internal import Stage
internal import Synchronization
internal import ZeroMQ

extension BenchCommand {
    struct Sink: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Outcomes a second that a sink makes durable and acknowledges.",
            discussion: """
                Starts a sink on loopback TCP and speaks to it as infer and ingest do: outcomes of the light engine's size, \
                each with what infer remembers of the session, as fast as the acknowledgements allow. They are encoded \
                before the clock starts, which stops with the acknowledgement of the last. With --store the store stays.
                """)

        @Option(help: "How many outcomes.")
        var outcomes = 60_000

        @Option(help: "Streams that they are of, in turn.")
        var streams = 4

        @Option(help: "Outcomes of one stream that may be unacknowledged.")
        var outstanding = 256

        @Option(help: "A file to write, which stays. Default: one in a temporary folder, which goes.")
        var store: String?

        @Flag(help: "Print one line of JSON.")
        var json = false

        func validate() throws {
            guard outcomes > 0, (1...1024).contains(streams), (1...4096).contains(outstanding) else {
                throw ValidationError("--outcomes must be positive, --streams 1 to 1024, --outstanding 1 to 4096")
            }
            if let store, FileManager.default.fileExists(atPath: store) {
                throw ValidationError("\(store) is there already; name a new file")
            }
        }

        func run() async throws {
            let work = URL(fileURLWithPath: NSTemporaryDirectory())
                .appendingPathComponent("posebus-bench-\(getpid())")
            try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: work) }
            do {
                let figures = try await SinkBench(
                    outcomes: outcomes, streams: streams, outstanding: outstanding,
                    store: store ?? work.appendingPathComponent("bench.sqlite").path
                ).run()
                print(json ? figures.json : figures.text)
            } catch let failure as StageFailure {
                printError("posebus bench: \(failure)")
                throw failure.exitCode
            }
        }
    }
}

/// The sink alone, measured from the first outcome that is sent to it to the acknowledgement of the last.
struct SinkBench {
    let outcomes: Int
    let streams: Int
    let outstanding: Int
    let store: String

    struct Figures: Sendable {
        var outcomes = 0
        var seconds = 0.0
        /// Of one outcome as it is stored; infer's memory comes on top.
        var bytes = 0
        var stateBytes = 0
        /// Processor time of the sink.
        var cpuSeconds = 0.0

        var perSecond: Double { Double(outcomes) / seconds }
        var cpuMicroseconds: Double { cpuSeconds / Double(outcomes) * 1e6 }

        var text: String {
            """
            outcomes/s        \(perSecond.fixed(0)) (\(outcomes.grouped) in \(seconds.fixed(2)) s)
            an outcome        \(bytes.grouped) bytes, and \(stateBytes.grouped) of infer's memory of its session
            sink              \(cpuMicroseconds.fixed(1)) µs CPU an outcome
            """
        }

        var json: String {
            """
            {"outcomes_per_second": \(perSecond.fixed(1)), "outcomes": \(outcomes), "bytes_per_outcome": \(bytes), \
            "state_bytes": \(stateBytes), "cpu_us_per_outcome": \(cpuMicroseconds.fixed(2))}
            """
        }
    }

    /// Measures.
    func run() async throws -> Figures {
        let any = "tcp://127.0.0.1:*"
        let sink = try StageProcess(
            "posebus-sink",
            [
                "--store", store, "--bind-outcomes", any, "--bind-results", any, "--bind-acks", any, "--bind-replay",
                any, "--log-level", "warning", "--status", "127.0.0.1:0",
            ], onLog: { printError($0) })
        let readiness = try await sink.start()
        let figures = Mutex(Figures())
        do {
            try await runOnThread(named: "bench-outcomes") {
                let before = ProcessUsage(name: "sink", processID: sink.processID).cpuSeconds
                var measured = try feed(
                    to: readiness["outcomes"] ?? "", acknowledgedBy: readiness["acks"] ?? "")
                measured.cpuSeconds = ProcessUsage(name: "sink", processID: sink.processID).cpuSeconds - before
                figures.withLock { $0 = measured }
            }
        } catch {
            sink.kill()
            await sink.end()
            throw error
        }
        sink.terminate()
        await sink.end()
        return figures.withLock { $0 }
    }

    /// One stream's outcomes.
    private struct Stream {
        let session: SessionID
        var messages: [Message] = []
        var sent = 0
        var acknowledged = 0
    }

    private func feed(to outcomesEndpoint: String, acknowledgedBy acknowledgementsEndpoint: String) throws -> Figures {
        var feeds = try (0..<streams).map { try stream($0) }
        // What the light engine remembers of one person.
        let state = Message([UInt8](repeating: 7, count: 4258))
        let nothing = Message([UInt8]())
        let numbers = Dictionary(uniqueKeysWithValues: feeds.enumerated().map { ($1.session, $0) })

        let context = try Context()
        var options = SocketOptions()
        options.receiveHighWaterMark = 0
        let acknowledgements = try Socket(.subscribe, in: context, options: options)
        for feed in feeds { try acknowledgements.subscribe(Topic.acknowledgement + feed.session.description) }
        try acknowledgements.connect(acknowledgementsEndpoint)
        let poller = Poller()
        _ = poller.watch(acknowledgements)
        // A subscription is answered with what is stored: then everything is connected.
        try poller.wait(timeout: .seconds(10))
        options.sendHighWaterMark = outstanding * streams
        let push = try Socket(.push, in: context, options: options)
        try push.connect(outcomesEndpoint)

        var left = outcomes
        let start = ContinuousClock.now
        var lastSign = start
        while left > 0 {
            for index in feeds.indices {
                var feed = feeds[index]
                while feed.sent < min(feed.messages.count, feed.acknowledged + outstanding) {
                    guard try push.send([feed.messages[feed.sent], nothing, state]) else { break }
                    feed.sent += 1
                }
                feeds[index].sent = feed.sent
            }
            try poller.wait(timeout: .milliseconds(10))
            while case .parts(let parts)? = try acknowledgements.receive() {
                let acknowledgement = try Acknowledgement(wire: parts[1].bytes)
                guard let index = numbers[acknowledgement.session] else { continue }
                let next = Int(acknowledgement.next.value)
                left -= next - feeds[index].acknowledged
                feeds[index].acknowledged = next
                lastSign = .now
            }
            guard lastSign + .seconds(30) > .now else {
                throw StageFailure("the sink acknowledged nothing for 30 s", exitCode: .failure)
            }
        }
        return Figures(
            outcomes: outcomes, seconds: (.now - start) / .seconds(1),
            bytes: (feeds[0].messages.first?.count ?? 0) + 12,
            stateBytes: state.count)
    }

    /// What the light engine says of one person: 33 keypoints in the picture and in space, and its colours.
    private func stream(_ number: Int) throws -> Stream {
        var stream = Stream(session: SessionID())
        let name = try StreamName("bench-\(number)")
        let person = Person(
            trackID: 1, score: 0.9, bbox: BoundingBox(x: 200, y: 40, width: 120, height: 300), state: .confirmed,
            keypoints2D: (0..<33).map { SIMD3(Float($0) * 7, Float($0) * 11, 0.9) },
            keypoints3D: (0..<33).map { SIMD3(Float($0) / 40, Float($0) / 20, 0.1) },
            appearance: [UInt8](repeating: 90, count: 24))
        let count = outcomes / streams + (number < outcomes % streams ? 1 : 0)
        let now = Timestamp.now
        for sequence in 0..<UInt64(count) {
            let outcome = Outcome(
                frame: FrameHeader(
                    stream: name, session: stream.session, sequence: SequenceNumber(sequence),
                    cameraFrame: CameraFrame(sequence), captureTime: now, acceptedTime: now, width: 640, height: 360,
                    payload: .jpeg, ingestMilliseconds: 0.1,
                    traceID: TraceID(session: stream.session, sequence: SequenceNumber(sequence))),
                engine: "blazepose", skeleton: "blazepose33", persons: [person],
                timing: Timing(ingest: 0.1, queue: 2, infer: 12))
            stream.messages.append(Message(outcome.wireBytes()))
        }
        return stream
    }
}
