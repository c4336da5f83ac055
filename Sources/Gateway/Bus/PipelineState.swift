internal import Messages
internal import NIOConcurrencyHelpers
internal import NIOCore

/// How the pipeline is, for whoever asks. The bus thread writes it.
final class PipelineState: Sendable {
    /// What is known of a stream that was live since the gateway started.
    struct Stream: Sendable {
        var session: String
        var framesPerSecond = 0.0
        var latency: Float = 0
        var lastSequence: UInt64 = 0
        var lastCaptureTime: Int64 = 0
        var poses: UInt64 = 0
        var drops: UInt64 = 0
        var isLive = true
    }

    private struct State {
        var stages: [PipelineStage: StageWatch.Finding] = [:]
        var endpoints: [PipelineStage: String] = [:]
        var streams: [String: Stream] = [:]
        var engine: String?
    }

    /// Jobs that wait and that run.
    typealias JobCounts = @Sendable () -> (queued: Int, processing: Int)

    private let state: NIOLockedValueBox<State>
    private let device: String?
    /// The stages that are expected to be there.
    private let expected: [PipelineStage]
    private let version: String
    private let jobs = NIOLockedValueBox<JobCounts?>(nil)
    private let startTime = Timestamp.now
    private static let names: [(PipelineStage, StaticString)] = [
        (.ingest, "ingest"), (.infer, "infer"), (.sink, "sink"),
    ]

    init(_ configuration: GatewayConfiguration, version: String) {
        device = configuration.device
        expected = configuration.isForRecordingsOnly ? [.sink] : PipelineStage.allCases
        self.version = version
        var state = State()
        state.engine = configuration.engine
        state.endpoints = [
            .ingest: configuration.ingest, .infer: configuration.infer, .sink: configuration.results,
        ]
        self.state = NIOLockedValueBox(state)
    }

    /// Where the numbers of jobs come from.
    func count(jobs count: @escaping JobCounts) { jobs.withLockedValue { $0 = count } }

    func set(_ stage: PipelineStage, _ finding: StageWatch.Finding) {
        state.withLockedValue { $0.stages[stage] = finding }
    }

    func set(streams: [String: Stream], engine: String?) {
        state.withLockedValue { state in
            state.streams = streams
            if let engine { state.engine = engine }
        }
    }

    /// Streams that were live since the gateway started.
    var streams: [String: Stream] { state.withLockedValue { $0.streams } }
    /// What infer runs: as its outcomes say, else as the gateway was told.
    var engine: String? { state.withLockedValue { $0.engine } }
    /// Where infer computes, as the gateway was told.
    var inferDevice: String? { device }

    func isUp(_ stage: PipelineStage) -> Bool { state.withLockedValue { $0.stages[stage]?.isUp ?? false } }
    /// Whether a frame that is sent now gets an outcome.
    var isReady: Bool { PipelineStage.allCases.allSatisfy(isUp) }

    /// Plain words of what is wrong; empty where nothing is.
    var problems: [String] {
        state.withLockedValue { state in
            expected.compactMap { stage in
                guard let finding = state.stages[stage] else { return "\(stage.rawValue): not looked at yet" }
                return finding.isUp ? nil : "\(stage.rawValue): \(finding.detail)"
            }
        }
    }

    /// The status as JSON; with `type`, as the WebSocket sends it.
    func json(type: String? = nil, viewers: Int) -> [UInt8] {
        let state = state.withLockedValue { $0 }
        let counts = jobs.withLockedValue { $0 }?() ?? (queued: 0, processing: 0)
        var json = JSONWriter(capacity: 2048)
        json.object { json in
            if let type {
                json.key("type")
                json.text(type)
            }
            json.key("version")
            json.text(version)
            json.key("engine")
            if let engine = state.engine { json.text(engine) } else { json.null() }
            json.key("device")
            if let device { json.text(device) } else { json.null() }
            json.key("time_ns")
            json.value(Timestamp.now.nanoseconds)
            json.key("stages")
            json.object { json in
                for (stage, name) in Self.names {
                    json.key(name)
                    if expected.contains(stage) {
                        json.value(state.stages[stage], state.endpoints[stage])
                    } else {
                        json.unexpected(since: startTime)
                    }
                }
            }
            json.key("streams")
            json.array { json in
                for (name, stream) in state.streams.sorted(by: { $0.key < $1.key }) { json.value(stream, named: name) }
            }
            json.key("viewers")
            json.value(viewers)
            json.key("jobs")
            json.object { json in
                json.key("queued")
                json.value(counts.queued)
                json.key("processing")
                json.value(counts.processing)
            }
        }
        return json.bytes
    }
}

extension JSONWriter {
    /// A stage that nobody expects.
    fileprivate mutating func unexpected(since start: Timestamp) {
        object { json in
            json.key("state")
            json.text("off")
            json.key("since_ns")
            json.value(start.nanoseconds)
            json.key("endpoint")
            json.text("")
            json.key("detail")
            json.text("This gateway was started for looking at recordings only.")
        }
    }

    fileprivate mutating func value(_ finding: StageWatch.Finding?, _ endpoint: String?) {
        object { json in
            json.key("state")
            json.text(finding?.isUp == true ? "up" : "down")
            json.key("since_ns")
            json.value(finding?.since.nanoseconds ?? Timestamp.now.nanoseconds)
            json.key("endpoint")
            json.text(endpoint ?? "")
            json.key("detail")
            json.text(finding?.detail ?? "The gateway has just begun to look.")
        }
    }

    /// A stream, as in the status and in the list of streams.
    mutating func value(_ stream: PipelineState.Stream, named name: String) {
        object { json in
            json.key("stream")
            json.text(name)
            json.key("live")
            json.value(stream.isLive)
            json.key("session")
            json.text(stream.session)
            json.key("frames_per_second")
            json.value(stream.framesPerSecond, decimals: 2)
            json.key("latency_ms")
            json.value(stream.latency, decimals: 1)
            json.key("last_sequence")
            json.value(stream.lastSequence)
            json.key("last_capture_time_ns")
            json.value(stream.lastCaptureTime)
            json.key("poses")
            json.value(stream.poses)
            json.key("drops")
            json.value(stream.drops)
        }
    }
}
