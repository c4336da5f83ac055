import Foundation
import Metering
import Overview
import Testing

struct StatusTests {
    @Test func `rates and times are of what happened between two looks`() throws {
        let status = try PipelineStatus(Stages())
        #expect(status.streams.map(\.name) == ["cam1", "cam2"])
        #expect(status.streams[0].acceptedPerSecond == 30 && status.streams[0].outcomesPerSecond == 30)
        #expect(status.streams[1].drops == ["shed": 12, "corrupt_jpeg": 1])
        let infer = try #require(status.infers.first)
        #expect(infer.outcomesPerSecond == 60 && infer.engine == "blazepose" && infer.batchFrames == 2)
        #expect(infer.engineMs.map { $0.p50 } == 15, "in the middle of the bucket from 10 to 20 ms")
        #expect(try abs(#require(infer.engineShare) - 0.3) < 1e-9)
        #expect(try abs(#require(status.sink?.latencyMs?.p99) - 99.5) < 1e-9)
        #expect(status.stages.map(\.state) == [.ok, .ok, .ok, .away])
        #expect(status.stages[0].version == "1.2.3" && status.stages[0].errors == 1)
    }

    @Test func `the first look knows no rates, nor does one at a stage that was restarted`() throws {
        let first = PipelineStatus(from: [], to: try Stages().readings(at: 0))
        #expect(first.streams[0].acceptedPerSecond == nil && first.infers[0].engineMs == nil)
        var restarted = Stages()
        restarted.started = 2
        restarted.streams[0].accepted = 5
        let status = PipelineStatus(from: try Stages().readings(at: 0), to: try restarted.readings(at: 1))
        #expect(status.streams[0].acceptedPerSecond == nil && status.streams[0].accepted == 5)
        #expect(Verdict(on: status).level == .ok)
    }

    @Test func `the verdict names what keeps the frames`() throws {
        func verdict(gateway: Bool = false, _ change: (inout Stages) -> Void) throws -> Verdict {
            var stages = Stages()
            change(&stages)
            var later = stages.after(1)
            later.commitFailures *= 2
            return Verdict(
                on: PipelineStatus(
                    from: try stages.readings(at: 0, gatewayIsExpected: gateway),
                    to: try later.readings(at: 1, gatewayIsExpected: gateway)))
        }
        func report(_ stage: String, live: Bool = true, ready: Bool = true, progress: Bool = true) -> HealthReport {
            HealthReport(stage: stage, live: live, ready: ready, progress: progress, reasons: ["why it is so"])
        }
        #expect(try verdict { _ in } == Verdict(.ok, "Everything moves: 60.0 frames/s in, 60.0 out."))
        #expect(
            try verdict {
                $0.streams = [.init(name: "a", window: 0)]; $0.silences[.sink] = nil
            }.level == .ok)
        let cases: [(level: Verdict.Level, words: [String], change: (inout Stages) -> Void)] = [
            (
                .stuck, ["The sink at 127.0.0.1:5582", "(Connection refused)", "6 frames wait in ingest"],
                {
                    $0.silences[.sink] = "Connection refused"
                }
            ),
            (
                .stuck, ["Infer at 127.0.0.1:5581", "no frame is looked at"],
                { $0.silences[.infer] = "no answer in time" }
            ),
            (.stuck, ["Ingest at", "feeders wait"], { $0.silences[.ingest] = "no answer in time" }),
            // The furthest down is what the others wait for.
            (.stuck, ["The sink at"], { $0.silences.merge([.sink: "x", .ingest: "x"]) { $1 } }),
            (
                .stuck, ["No stage answers", "posebus up"],
                {
                    for kind in StageAddress.Kind.allCases { $0.silences[kind] = "Connection refused" }
                }
            ),
            (.stuck, ["Infer at", "why it is so"], { $0.health[.infer] = report("infer", live: false) }),
            (.stuck, ["Infer at", "why it is so"], { $0.health[.infer] = report("infer", ready: false) }),
            (.stuck, ["The sink at", "why it is so"], { $0.health[.sink] = report("sink", progress: false) }),
            (
                .stuck, ["Ingest has no connection to infer at tcp://gpu:5560", "2 streams"],
                { $0.inferConnected = false }
            ),
            (.stuck, ["no connection to the sink", "7 outcomes"], { $0.sinkConnected = false }),
            (.stuck, ["cannot write its store"], { $0.commitFailures = 3 }),
            (.slow, ["The window of cam1 is full", "more comes than goes through"], { $0.streams[0].window = 32 }),
        ]
        for one in cases {
            let verdict = try verdict(one.change)
            #expect(verdict.level == one.level, "\(verdict)")
            for word in one.words { #expect(verdict.text.contains(word), "\(verdict)") }
        }
        #expect(try verdict(gateway: true) { _ in }.text.contains("no viewer"))
    }

    @Test func `a full window is blamed on what is busy`() throws {
        func verdict(engine: Double, commit: Double) throws -> String {
            var stages = Stages()
            for index in stages.streams.indices { stages.streams[index].window = 31 }
            var later = stages.after(1)
            later.engineSeconds = stages.engineSeconds + engine
            later.commitSeconds = stages.commitSeconds + commit
            return Verdict(
                on: PipelineStatus(from: try stages.readings(at: 0), to: try later.readings(at: 1))
            ).text
        }
        #expect(try verdict(engine: 0.95, commit: 0.1).contains("the engine is the slowest part, busy 95 %"))
        #expect(try verdict(engine: 0.2, commit: 0.9).contains("storing is the slowest part"))
        #expect(try verdict(engine: 0.2, commit: 0.9).contains("windows of 2 streams"))
    }

    @Test func `the JSON form is one line with keys in lower case`() throws {
        let status = try PipelineStatus(Stages())
        let text = try StatusReport(status, Verdict(on: status), at: Date(timeIntervalSince1970: 0)).json
        #expect(!text.contains("\n"))
        let object = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(Set(object.keys) == ["time", "verdict", "stages", "streams", "links", "infers", "sink"])
        #expect((object["verdict"] as? [String: String])?["level"] == "ok")
        let stream = try #require((object["streams"] as? [[String: Any]])?.first)
        #expect(stream["accepted_per_second"] as? Double == 30 && stream["window_limit_frames"] as? Double == 32)
        let infer = try #require((object["infers"] as? [[String: Any]])?.first)
        #expect((infer["engine_ms"] as? [String: Double])?["p50"] == 15)
        #expect((object["stages"] as? [[String: Any]])?.map { $0["state"] as? String } == ["ok", "ok", "ok", "away"])
    }

    @Test(arguments: [("hub:5580", "http://hub:5580"), ("http://[::1]:1/", "http://[::1]:1"), ("http://a", "http://a")])
    func `an address is read as people write it`(_ text: String, _ url: String) {
        #expect(StageAddress(.ingest, text)?.url == url)
    }

    @Test(arguments: ["", "http://", "https://hub:5580", "tcp://hub:5580", "hub 5580", "http://hub/metrics"])
    func `and anything else is none`(_ text: String) {
        #expect(StageAddress(.ingest, text) == nil)
    }
}
