import Logging
import Metering
import Stage
import Status
import Testing

@Suite struct ReportTests {
    private let watchdog = Watchdog(
        action: .log, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

    @Test func aStageIsReadyOnceItSaysSo() throws {
        let status = StageStatus(.infer)
        #expect(status.report.ready == false)
        #expect(status.report.reasons == ["it is starting: its models are not loaded yet"])
        #expect(status.answer(path: "/readyz")?.status == 503)
        #expect(status.answer(path: "/livez")?.status == 200)
        status.setReady()
        #expect(status.report == HealthReport(stage: "infer", live: true, ready: true, progress: true, reasons: []))
        for path in ["/livez", "/readyz", "/healthz", "/healthz?verbose"] {
            #expect(status.answer(path: path)?.status == 200)
        }
        #expect(status.answer(path: "/metrics/") == nil)
    }

    @Test func aStuckThreadIsNotLive() {
        let pulse = watchdog.watch("engine", meaning: "no frame is looked at")
        let status = StageStatus(.infer, watchdog: watchdog)
        status.setReady()
        func report(after seconds: Int64) -> HealthReport {
            status.report(at: Watchdog.now() + seconds * 1_000_000_000)
        }
        pulse.beat()
        #expect(report(after: 9).isHealthy)
        let late = report(after: 11)
        #expect(!late.live && late.ready && late.progress)
        #expect(late.reasons == ["thread engine has not moved for 11.0 s: no frame is looked at"])
        // Work may have a patience of its own, and a thread that waits is not stuck.
        pulse.beginWork(patience: .seconds(60))
        #expect(report(after: 59).live)
        #expect(!report(after: 61).live)
        pulse.rest()
        #expect(report(after: 1000).live)
    }

    @Test func workOfWhichNothingIsFinishedIsNoProgress() {
        let status = StageStatus(.ingest, patience: .seconds(30))
        status.setReady()
        let second: Int64 = 1_000_000_000
        let work = status.work
        work.note(inHand: 0, finished: 0, at: 1 * second)
        #expect(status.report(at: 1000 * second).progress)
        work.note(inHand: 3, finished: 0, at: 10 * second)
        #expect(status.report(at: 39 * second).progress)
        // The stage's thread may be stuck: nobody tells again.
        #expect(!status.report(at: 40 * second).progress)
        work.note(inHand: 5, finished: 0, at: 39 * second)
        status.explain(["the sink at tcp://archive:5572 is out of reach"])
        let late = status.report(at: 41 * second)
        #expect(late.live && late.ready && !late.progress)
        #expect(
            late.reasons == [
                "5 frames are not acknowledged, and none was acknowledged for 31.0 s",
                "the sink at tcp://archive:5572 is out of reach",
            ])
        // One that is finished begins the time anew.
        work.note(inHand: 5, finished: 1, at: 41 * second)
        #expect(status.report(at: 70 * second).isHealthy)
        work.note(inHand: 0, finished: 6, at: 71 * second)
        #expect(status.report(at: 500 * second).isHealthy)
    }

    @Test func theMetricsSayTheSame() throws {
        let pulse = watchdog.watch("sink", meaning: "nothing is stored")
        pulse.beat()
        let status = StageStatus(.sink, watchdog: watchdog)
        let snapshot = try MetricsSnapshot(text: status.metrics.text())
        #expect(snapshot["posebus_build_info", ["stage": "sink", "version": Release.version]] == 1)
        #expect(snapshot["posebus_live"] == 1)
        #expect(snapshot["posebus_ready"] == 0)
        #expect(snapshot["posebus_progress"] == 1)
        #expect(snapshot["posebus_thread_silence_seconds", ["thread": "sink"]].map { $0 < 5 } == true)
        #expect(snapshot.samples("posebus_log_messages_total").count == 3)
        #expect(snapshot["process_resident_memory_bytes"] != nil)
    }

    @Test(arguments: [
        ("127.0.0.1:5580", "http://127.0.0.1:5580", "http://127.0.0.1:5580"),
        ("http://hub:5580/", "http://hub:5580", "http://hub:5580"),
        ("*:5580", "http://0.0.0.0:5580", "http://127.0.0.1:5580"),
        ("[::]:80", "http://[::]:80", "http://[::1]:80"), ("127.0.0.1:0", "http://127.0.0.1:0", nil),
        ("none", nil, nil),
    ])
    func addresses(text: String, url: String?, local: String?) throws {
        let address = try #require(StatusAddress(argument: text))
        #expect(address.url == url)
        #expect(address.localURL == local)
    }

    @Test(arguments: ["", "5580", ":5580", "host", "host:x", "host:99999", "::1:80", "tcp://host:80"])
    func whatIsNoAddress(text: String) {
        #expect(StatusAddress(argument: text) == nil)
    }
}
