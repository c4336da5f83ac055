internal import Logging
public import Metering
public import Stage
internal import Synchronization

/// What a stage says of itself: its metrics, and whether it is live, ready and making progress. Its threads tell, the server's
/// thread asks.
public final class StageStatus: Sendable {
    /// Which stage.
    public let kind: ServedStage
    /// Its metrics.
    public let metrics = MetricsRegistry()
    /// The work in its hands.
    public let work = WorkMeter()

    private let watchdog: Watchdog?
    private let patience: Duration
    private let isBound = Atomic<Bool>(false)
    private let missing = Mutex<(@Sendable () -> [String])?>(nil)
    private let troubles = Mutex<[String]>([])

    /// The status of a stage that has not begun.
    ///
    /// - Parameters:
    ///   - watchdog: knows its threads.
    ///   - patience: how long work may be in hand of which none is finished.
    public init(_ kind: ServedStage, watchdog: Watchdog? = nil, patience: Duration = .seconds(30)) {
        self.kind = kind
        self.watchdog = watchdog
        self.patience = patience
        addCommonMetrics()
    }

    /// The stage is bound and its models are loaded.
    public func setReady() {
        isBound.store(true, ordering: .releasing)
    }

    /// Takes the stage for ready only while nothing is missing besides, a sentence each; asked for each time.
    public func isReady(onlyWithout missing: @escaping @Sendable () -> [String]) {
        self.missing.withLock { $0 = missing }
    }

    /// What keeps the stage from its work as far as it knows, such as a peer out of reach. It explains why there is no
    /// progress; by itself it is nothing wrong.
    public func explain(_ troubles: [String]) {
        self.troubles.withLock { $0 = troubles }
    }

    /// How it is now.
    public var report: HealthReport { report(at: MonotonicTime.now) }

    package func report(at now: Int64) -> HealthReport {
        let stuck = watchdog?.threads(at: now).filter(\.isStuck) ?? []
        var reasons = stuck.map {
            "thread \($0.name) has not moved for \(Self.text($0.silence)): \($0.meaning)"
        }
        let missing = isBound.load(ordering: .acquiring) ? self.missing.withLock { $0 }?() ?? [] : [kind.starting]
        reasons += missing
        var hasProgress = true
        if let waiting = work.waiting(at: now), waiting.time >= patience {
            hasProgress = false
            reasons.append(
                "\(waiting.count) \(kind.work), and none was \(kind.finished) for \(Self.text(waiting.time))")
            reasons += troubles.withLock { $0 }
        }
        return HealthReport(
            stage: kind.name, live: stuck.isEmpty, ready: missing.isEmpty, progress: hasProgress, reasons: reasons)
    }

    private static func text(_ duration: Duration) -> String {
        "\((duration / .milliseconds(100)).rounded() / 10) s"
    }

    private func addCommonMetrics() {
        metrics.addProcessMetrics()
        metrics.onScrape { [kind] text in
            text.gauge(
                "posebus_build_info", "Which stage of which release this is.",
                [(labels: [("stage", kind.name), ("version", Release.version)], value: 1)])
        }
        metrics.onScrape { [watchdog] text in
            text.gauge(
                "posebus_thread_silence_seconds", "How long a thread has not moved; 0 while it waits for work.",
                (watchdog?.threads ?? []).map { (labels: [("thread", $0.name)], value: $0.silence / .seconds(1)) })
        }
        metrics.onScrape { text in
            text.counter(
                "posebus_log_messages_total", "Lines logged, by level.",
                [Logger.Level.warning, .error, .critical].map {
                    (labels: [("level", $0.rawValue)], value: Double(LogTally.count(of: $0)))
                })
        }
        metrics.onScrape { [weak self] text in
            guard let report = self?.report else { return }
            for (name, help, isTrue) in [
                ("posebus_live", "Whether all threads move.", report.live),
                ("posebus_ready", "Whether the stage is bound and its models are loaded.", report.ready),
                ("posebus_progress", "Whether some of the work in hand is finished in time.", report.progress),
            ] {
                text.gauge(name, help, [(labels: [], value: isTrue ? 1 : 0)])
            }
        }
    }
}
