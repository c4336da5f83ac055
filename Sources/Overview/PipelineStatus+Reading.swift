internal import Metering

extension PipelineStatus {
    /// Puts together what the stages answered.
    ///
    /// - Parameters:
    ///   - before: an earlier reading of the same stages, to tell rates from; empty where there is none.
    ///   - now: the latest.
    package init(from before: [StageReading], to now: [StageReading]) {
        for (index, reading) in now.enumerated() {
            let earlier = before.indices.contains(index) ? before[index] : nil
            let change = StageChange(from: earlier, to: reading)
            stages.append(Stage(reading, change))
            guard let change else { continue }
            switch reading.address.kind {
            case .ingest:
                add(Self.streams(change))
                links += Self.links(change, of: reading.address.url)
            case .infer: infers.append(Infer(change, url: reading.address.url))
            case .sink:
                sink = Sink(change, url: reading.address.url)
                noteOutcomes(change)
            case .gateway: gateway = Gateway(change, url: reading.address.url)
            }
        }
        // Those that something may be wrong with come first.
        streams.sort { left, right in
            if left.isActive != right.isActive { return left.isActive }
            if left.isFull != right.isFull { return left.isFull }
            return left.name < right.name
        }
    }

    private mutating func add(_ more: [Stream]) {
        for stream in more {
            guard let index = streams.firstIndex(where: { $0.name == stream.name }) else {
                streams.append(stream)
                continue
            }
            // Two ingests with one name: their figures together.
            streams[index].acceptedPerSecond = sum([streams[index].acceptedPerSecond, stream.acceptedPerSecond])
            streams[index].accepted += stream.accepted
            streams[index].windowFrames += stream.windowFrames
            streams[index].windowLimitFrames += stream.windowLimitFrames
            streams[index].oldestSeconds = max(streams[index].oldestSeconds, stream.oldestSeconds)
            streams[index].drops.merge(stream.drops, uniquingKeysWith: +)
        }
    }

    private static func streams(_ change: StageChange) -> [Stream] {
        let drops = Dictionary(
            grouping: change.now.samples("posebus_ingest_drops_total"), by: { $0.labels["stream"] ?? "" })
        return change.now.samples("posebus_ingest_frames_accepted_total").map { sample in
            let name = sample.labels["stream"] ?? ""
            let label = ["stream": name]
            return Stream(
                name: name, acceptedPerSecond: change.rate("posebus_ingest_frames_accepted_total", label),
                accepted: sample.value,
                windowFrames: change.now["posebus_ingest_window_frames", label] ?? 0,
                windowLimitFrames: change.now["posebus_ingest_window_limit_frames", label] ?? 0,
                oldestSeconds: change.now["posebus_ingest_oldest_unacknowledged_seconds", label] ?? 0,
                drops: byLabel("reason", drops[name] ?? []))
        }
    }

    private mutating func noteOutcomes(_ change: StageChange) {
        for index in streams.indices {
            streams[index].outcomesPerSecond = change.rate(
                "posebus_sink_outcomes_total", ["stream": streams[index].name])
        }
    }

    private static func links(_ change: StageChange, of ingest: String) -> [Link] {
        change.now.samples("posebus_ingest_infer_connected").map { sample in
            let name = sample.labels["infer"] ?? ""
            return Link(
                ingest: ingest, infer: name, isConnected: sample.value > 0,
                inFlightFrames: change.now["posebus_ingest_infer_in_flight_frames", ["infer": name]] ?? 0,
                streams: change.now["posebus_ingest_infer_streams", ["infer": name]] ?? 0)
        }
    }
}

extension PipelineStatus.Stage {
    fileprivate init(_ reading: StageReading, _ change: StageChange?) {
        let health = reading.health
        let state: PipelineStatus.State =
            switch health {
            case nil: .away
            case let health? where !health.live: .stuck
            case let health? where !health.ready: .starting
            case let health? where !health.progress: .stalled
            default: .ok
            }
        self.init(
            stage: reading.address.kind, url: reading.address.url, state: state,
            live: health?.live ?? false, ready: health?.ready ?? false, progress: health?.progress ?? false,
            reasons: health?.reasons ?? [reading.silence ?? "no answer"], isExpected: reading.address.isExpected,
            version: change?.now.samples("posebus_build_info").first?.labels["version"],
            cpu: change?.rate("process_cpu_seconds_total"), memoryBytes: change?.now["process_resident_memory_bytes"],
            warnings: change?.now["posebus_log_messages_total", ["level": "warning"]],
            errors: change.map {
                $0.now.sum("posebus_log_messages_total", ["level": "error"])
                    + $0.now.sum("posebus_log_messages_total", ["level": "critical"])
            })
    }
}

extension PipelineStatus.Infer {
    fileprivate init(_ change: StageChange, url: String) {
        let engine = change.now.samples("posebus_infer_engine_info").first?.labels ?? [:]
        self.init(
            url: url, engine: engine["engine"], device: engine["device"], precision: engine["precision"],
            outcomesPerSecond: change.rate("posebus_infer_outcomes_total"),
            queueFrames: change.now.sum("posebus_infer_queue_frames"),
            inHandFrames: change.now.sum("posebus_infer_in_hand_frames"),
            outboxMessages: change.now.sum("posebus_infer_outbox_messages"),
            oldestSeconds: change.now["posebus_infer_oldest_frame_seconds"],
            isSinkConnected: change.now["posebus_infer_sink_connected"].map { $0 > 0 },
            batchFrames: change.histogram("posebus_infer_batch_frames")?.mean,
            queueMs: change.milliseconds("posebus_infer_queue_seconds"),
            engineMs: change.milliseconds("posebus_infer_engine_seconds"),
            engineShare: change.share("posebus_infer_engine_seconds"),
            drops: byLabel("reason", change.now.samples("posebus_infer_drops_total")))
    }
}

extension PipelineStatus.Sink {
    fileprivate init(_ change: StageChange, url: String) {
        self.init(
            url: url, outcomesPerSecond: change.rate("posebus_sink_outcomes_total"),
            commitMs: change.milliseconds("posebus_sink_commit_seconds"),
            latencyMs: change.milliseconds("posebus_sink_latency_seconds"),
            commitShare: change.share("posebus_sink_commit_seconds"),
            commitFailuresPerSecond: change.rate("posebus_sink_commit_failures_total"),
            waitingOutcomes: change.now.sum("posebus_sink_waiting_outcomes"),
            openSessions: change.now.sum("posebus_sink_open_sessions"),
            subscribers: change.now.sum("posebus_sink_subscribers"),
            storeBytes: change.now["posebus_sink_store_bytes"],
            diskFreeBytes: change.now["posebus_sink_disk_free_bytes"])
    }
}

extension PipelineStatus.Gateway {
    fileprivate init(_ change: StageChange, url: String) {
        self.init(
            url: url, readers: change.now.sum("posebus_gateway_readers"),
            requestsPerSecond: change.rate("posebus_gateway_requests_total"),
            jobs: byLabel("state", change.now.samples("posebus_gateway_jobs")))
    }
}

/// The samples that are not 0, by the value of a label.
private func byLabel(_ label: String, _ samples: [MetricsSnapshot.Sample]) -> [String: Double] {
    Dictionary(
        samples.filter { $0.value > 0 }.map { ($0.labels[label] ?? "", $0.value) }, uniquingKeysWith: +)
}
