import Foundation
import Metering
import Testing

@Suite struct ExpositionTests {
    @Test func whatIsWrittenIsRead() throws {
        let registry = MetricsRegistry()
        let sent = registry.counter("sent_total", "Sent.")
        let window = registry.gauges("window_frames", "In the window.", labels: ["stream"])
        let latency = registry.histogram("latency_seconds", "Latency.", .latency)
        registry.onScrape { $0.gauge("silence", "A thread's silence.", [(labels: [("thread", "a")], value: 0.25)]) }
        sent.add(3)
        window["a \"b\"\\\n"].set(1.5)
        window["cam1"].set(7)
        latency.observe(0.004)
        latency.observe(0.01)
        latency.observe(.seconds(100))

        let snapshot = try MetricsSnapshot(text: registry.text())
        #expect(snapshot["sent_total"] == 3)
        #expect(snapshot["window_frames", ["stream": "a \"b\"\\\n"]] == 1.5)
        #expect(snapshot.sum("window_frames") == 8.5)
        #expect(snapshot["silence", ["thread": "a"]] == 0.25)
        #expect(snapshot["latency_seconds_bucket", ["le": "0.005"]] == 1)
        #expect(snapshot["latency_seconds_bucket", ["le": "0.01"]] == 2)
        #expect(snapshot["latency_seconds_bucket", ["le": "10"]] == 2)
        #expect(snapshot["latency_seconds_bucket", ["le": "+Inf"]] == 3)
        #expect(snapshot["latency_seconds_count"] == 3)
        #expect(snapshot["latency_seconds_sum"].map { abs($0 - 100.014) < 1e-9 } == true)
        #expect(registry.text().contains("# HELP sent_total Sent.\n# TYPE sent_total counter\nsent_total 3\n"))
    }

    @Test func aValueAtABoundBelongsToItsBucket() {
        let histogram = Histogram(.init([1, 2]))
        for value in [1.0, 1.5, 2, 2.5] { histogram.observe(value) }
        histogram.observe(1, times: 2)
        var text = ExpositionText()
        histogram.write("h", labels: "", to: &text)
        #expect(
            text.text == """
                h_bucket{le="1"} 3
                h_bucket{le="2"} 5
                h_bucket{le="+Inf"} 6
                h_sum 9
                h_count 6

                """)
    }

    @Test func nothingIsLostBetweenThreads() async {
        let counter = Counter()
        let histogram = Histogram(.counts)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 {
                        counter.add()
                        histogram.observe(2)
                    }
                }
            }
        }
        #expect(counter.value == 40_000)
        #expect(histogram.count == 40_000)
        #expect(histogram.sum == 80_000)
    }

    @Test func streamsThatAreOverGo() {
        let family = MetricsRegistry().counters("drops_total", "Drops.", labels: ["stream", "reason"], kept: 2)
        func figures() -> [String] { family.all.map { "\($0.labels[0].1) \($0.labels[1].1) \($0.series.value)" } }
        for stream in ["a", "b", "c", "d"] { family[stream, "shed"].add() }
        family["a", "corrupt_jpeg"].add()
        family.retire(allBut: ["b", "c", "d"])
        family.retire(allBut: ["c", "d"])
        family.retire(allBut: ["d"])
        #expect(figures() == ["b shed 1", "c shed 1", "d shed 1"])
        // One that is back is over later.
        family["b", "shed"].add()
        family.retire(allBut: ["b"])
        #expect(figures() == ["b shed 2", "c shed 1", "d shed 1"])
        family.retire(allBut: [])
        #expect(figures() == ["b shed 2", "d shed 1"])
    }

    @Test func beyondTheLimitStreamsShareASeries() {
        let family = MetricsRegistry().counters("frames_total", "Frames.", labels: ["stream", "kind"], limit: 2)
        func figures() -> [String] { family.all.map { "\($0.labels[0].1) \($0.series.value)" } }
        for stream in 1...5 { family["\(stream)", "x"].add() }
        #expect(figures() == ["(other) 3", "1 1", "2 1"])
        // Where one is over it makes room.
        family.retire(allBut: ["1"])
        family["6", "x"].add()
        #expect(!figures().contains("(other) 4"))
        #expect(figures().contains("6 1"))
    }

    @Test func furtherLabelsAreBoundedToo() {
        let family = MetricsRegistry().counters("drops_total", "Drops.", labels: ["stage", "reason"], limit: 2)
        for reason in 1...5 { family["infer", "\(reason)"].add() }
        family["sink", "1"].add()
        #expect(
            family.all.map { "\($0.labels[0].1) \($0.labels[1].1) \($0.series.value)" } == [
                "infer (other) 3", "infer 1 1", "infer 2 1", "sink 1 1",
            ])
    }

    @Test func anAgeGrowsByItself() throws {
        let registry = MetricsRegistry()
        let age = registry.age("oldest_seconds", "The oldest.")
        #expect(age.seconds == 0)
        age.set(.seconds(100))
        let first = age.seconds
        #expect(first >= 100 && age.seconds >= first)
        age.set(nil)
        #expect(try MetricsSnapshot(text: registry.text())["oldest_seconds"] == 0)
    }

    @Test func theKernelKnowsThisProcess() throws {
        let registry = MetricsRegistry()
        registry.addProcessMetrics()
        let snapshot = try MetricsSnapshot(text: registry.text())
        let start = try #require(snapshot["process_start_time_seconds"])
        #expect(abs(Date.now.timeIntervalSince1970 - start) < 24 * 3600)
        #expect(try #require(snapshot["process_resident_memory_bytes"]) > 1e6)
        #expect(try #require(snapshot["process_cpu_seconds_total"]) > 0)
        #expect(try #require(snapshot["process_open_fds"]) >= 3)
    }
}
