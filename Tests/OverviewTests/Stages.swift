import Metering
import Overview

/// A pipeline that a test can break, as its stages would tell of it.
struct Stages {
    struct Stream {
        var name: String
        var accepted = 300.0
        var stored = 300.0
        var window = 3.0
        var limit = 32.0
        var oldest = 0.08
        var drops: [String: Double] = [:]
    }

    var streams = [Stream(name: "cam1"), Stream(name: "cam2", drops: ["shed": 12, "corrupt_jpeg": 1])]
    var health: [StageAddress.Kind: HealthReport] = [:]
    /// Why a stage does not answer.
    var silences: [StageAddress.Kind: String] = [.gateway: "Connection refused"]
    var inferConnected = true
    var sinkConnected = true
    var engineSeconds = 2.0
    var commitSeconds = 0.1
    var commitFailures = 0.0
    var started = 1.0

    /// What they say so much later, with 30 frames a second of each stream.
    func after(_ seconds: Double) -> Stages {
        var later = self
        for index in later.streams.indices {
            later.streams[index].accepted += 30 * seconds
            later.streams[index].stored += 30 * seconds
        }
        later.engineSeconds += 0.3 * seconds
        later.commitSeconds += 0.02 * seconds
        return later
    }

    /// - Parameter time: seconds since some beginning.
    func readings(at time: Double, gatewayIsExpected: Bool = false) throws -> [StageReading] {
        let instant = start + .seconds(time)
        return try StageAddress.Kind.allCases.map { kind in
            let address = StageAddress(
                kind, "127.0.0.1:\(5580 + (kind.index))", isExpected: kind != .gateway || gatewayIsExpected)!
            if let silence = silences[kind] {
                return StageReading(address, at: instant, health: nil, metrics: nil, silence: silence)
            }
            let report =
                health[kind]
                ?? HealthReport(stage: kind.rawValue, live: true, ready: true, progress: true, reasons: [])
            return StageReading(
                address, at: instant, health: report, metrics: try MetricsSnapshot(text: text(of: kind)))
        }
    }

    private func text(of kind: StageAddress.Kind) -> String {
        var lines = [
            "process_start_time_seconds \(started)", "process_cpu_seconds_total \(engineSeconds)",
            "process_resident_memory_bytes 25000000", #"posebus_log_messages_total{level="warning"} 2"#,
            #"posebus_log_messages_total{level="error"} 1"#,
            #"posebus_build_info{stage="\#(kind.rawValue)",version="1.2.3"} 1"#,
        ]
        switch kind {
        case .ingest:
            for stream in streams {
                let label = #"stream="\#(stream.name)""#
                lines += [
                    "posebus_ingest_frames_accepted_total{\(label)} \(stream.accepted)",
                    "posebus_ingest_window_frames{\(label)} \(stream.window)",
                    "posebus_ingest_window_limit_frames{\(label)} \(stream.limit)",
                    "posebus_ingest_oldest_unacknowledged_seconds{\(label)} \(stream.oldest)",
                ]
                lines += stream.drops.map { #"posebus_ingest_drops_total{\#(label),reason="\#($0.key)"} \#($0.value)"# }
            }
            lines += [
                #"posebus_ingest_infer_connected{infer="tcp://gpu:5560"} \#(inferConnected ? 1 : 0)"#,
                #"posebus_ingest_infer_in_flight_frames{infer="tcp://gpu:5560"} 4"#,
                #"posebus_ingest_infer_streams{infer="tcp://gpu:5560"} \#(streams.count)"#,
            ]
        case .infer:
            lines += [
                #"posebus_infer_engine_info{engine="blazepose",device="cpu",precision="fp32"} 1"#,
                #"posebus_infer_outcomes_total{outcome="pose"} \#(streams.reduce(0) { $0 + $1.stored })"#,
                "posebus_infer_queue_frames 2", "posebus_infer_in_hand_frames 3", "posebus_infer_outbox_messages 7",
                #"posebus_infer_drops_total{reason="inference_failed"} 4"#,
                "posebus_infer_sink_connected \(sinkConnected ? 1 : 0)",
            ]
            lines += histogram("posebus_infer_engine_seconds", [0.01, 0.02, 0.04], streams[0].stored, engineSeconds)
            lines += histogram("posebus_infer_queue_seconds", [0.001, 0.002, 0.004], streams[0].stored, 1)
            lines += histogram("posebus_infer_batch_frames", [1, 2, 4], streams[0].stored, 2 * streams[0].stored)
        case .sink:
            for stream in streams {
                lines.append(#"posebus_sink_outcomes_total{stream="\#(stream.name)",outcome="pose"} \#(stream.stored)"#)
            }
            lines += [
                "posebus_sink_open_sessions 2", "posebus_sink_subscribers 1", "posebus_sink_store_bytes 1500000",
                "posebus_sink_disk_free_bytes 12300000000", "posebus_sink_commit_failures_total \(commitFailures)",
            ]
            lines += histogram("posebus_sink_commit_seconds", [0.001, 0.002], streams[0].stored, commitSeconds)
            lines += histogram("posebus_sink_latency_seconds", [0.05, 0.1], streams[0].stored, 20)
        case .gateway:
            lines += [#"posebus_gateway_readers{kind="sse"} 3"#, #"posebus_gateway_requests_total{status="200"} 50"#]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// All values in the second bucket.
    private func histogram(_ name: String, _ bounds: [Double], _ count: Double, _ sum: Double) -> [String] {
        bounds.enumerated().map { #"\#(name)_bucket{le="\#($1)"} \#($0 == 0 ? 0 : count)"# } + [
            #"\#(name)_bucket{le="+Inf"} \#(count)"#, "\(name)_sum \(sum)", "\(name)_count \(count)",
        ]
    }
}

private let start = ContinuousClock.now

extension StageAddress.Kind {
    fileprivate var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension PipelineStatus {
    /// Of two looks at the same stages, a second apart.
    init(_ stages: Stages, gatewayIsExpected: Bool = false) throws {
        self.init(
            from: try stages.readings(at: 0, gatewayIsExpected: gatewayIsExpected),
            to: try stages.after(1).readings(at: 1, gatewayIsExpected: gatewayIsExpected))
    }
}
