/// The whole pipeline at one moment, as far as its stages answer.
///
/// What is not known is nil, and absent in the JSON form. Rates and quantiles are of the time since an earlier reading.
package struct PipelineStatus: Sendable, Encodable {
    /// How a stage is.
    package enum State: String, Sendable, Encodable {
        case ok
        /// Nobody answers there.
        case away
        /// A thread does not move.
        case stuck
        /// It is not bound yet, or loads its models.
        case starting
        /// It has work in hand and finishes none.
        case stalled
    }

    /// What all stages say.
    package struct Stage: Sendable, Encodable {
        package var stage: StageAddress.Kind
        package var url: String
        package var state: State
        package var live, ready, progress: Bool
        /// A sentence for each thing that is wrong.
        package var reasons: [String]
        package var isExpected: Bool
        package var version: String?
        /// Cores it kept busy.
        package var cpu: Double?
        package var memoryBytes: Double?
        /// Lines of its log, since it started.
        package var warnings, errors: Double?

        /// Without what every address begins with.
        var place: String { String(url.dropFirst("http://".count)) }

        enum CodingKeys: CodingKey {
            case stage, url, state, live, ready, progress, reasons, version, cpu, memoryBytes, warnings, errors
        }
    }

    /// A stream, in ingest and in the sink.
    package struct Stream: Sendable, Encodable {
        package var name: String
        package var acceptedPerSecond, outcomesPerSecond: Double?
        package var accepted: Double
        package var windowFrames, windowLimitFrames: Double
        /// How long its oldest frame without an outcome has been waiting, seconds.
        package var oldestSeconds: Double
        /// Drops that ingest decided, since it started.
        package var drops: [String: Double]

        /// Whether anything of it moves, or waits.
        var isActive: Bool { windowFrames > 0 || (acceptedPerSecond ?? 0) > 0 || (outcomesPerSecond ?? 0) > 0 }
        /// Whether its window takes no more, as good as.
        var isFull: Bool { windowLimitFrames > 0 && windowFrames >= 0.9 * windowLimitFrames }
    }

    /// A connection from an ingest to an infer, as the ingest sees it.
    package struct Link: Sendable, Encodable {
        package var ingest: String
        package var infer: String
        package var isConnected: Bool
        package var inFlightFrames, streams: Double
    }

    /// An infer.
    package struct Infer: Sendable, Encodable {
        package var url: String
        package var engine, device, precision: String?
        package var outcomesPerSecond: Double?
        package var queueFrames, inHandFrames, outboxMessages: Double
        package var oldestSeconds: Double?
        package var isSinkConnected: Bool?
        /// Frames a batch, on average.
        package var batchFrames: Double?
        package var queueMs, engineMs: Quantiles?
        /// The part of the time that the engine works.
        package var engineShare: Double?
        /// Drops by reason, since it started.
        package var drops: [String: Double]
    }

    /// The sink.
    package struct Sink: Sendable, Encodable {
        package var url: String
        package var outcomesPerSecond: Double?
        package var commitMs, latencyMs: Quantiles?
        package var commitShare: Double?
        package var commitFailuresPerSecond: Double?
        package var waitingOutcomes, openSessions, subscribers: Double
        package var storeBytes, diskFreeBytes: Double?
    }

    /// The gateway.
    package struct Gateway: Sendable, Encodable {
        package var url: String
        package var readers: Double
        package var requestsPerSecond: Double?
        /// Jobs by their state.
        package var jobs: [String: Double]
    }

    /// Quantiles, in milliseconds.
    package struct Quantiles: Sendable, Encodable, Equatable {
        package var p50, p95, p99: Double
    }

    package var stages: [Stage] = []
    package var streams: [Stream] = []
    package var links: [Link] = []
    package var infers: [Infer] = []
    package var sink: Sink?
    package var gateway: Gateway?

    /// Frames in ingest that have no outcome yet.
    var waitingFrames: Double { streams.reduce(0) { $0 + $1.windowFrames } }
    var acceptedPerSecond: Double? { sum(streams.map(\.acceptedPerSecond)) }
}

/// Nil where nothing is known.
func sum(_ numbers: [Double?]) -> Double? {
    let known = numbers.compactMap { $0 }
    return known.isEmpty ? nil : known.reduce(0, +)
}
