import Metering
import Overview
import Testing

struct ScreenTests {
    @Test func `a wide screen shows every figure`() throws {
        let text = screen(try PipelineStatus(Stages()), columns: 140).map(\.text).joined(separator: "\n")
        for words in [
            "Everything moves: 60.0 frames/s in, 60.0 out.", "ingest  127.0.0.1:5580  ok", "25 MB", "cam1", "3/32",
            "0.08 s", "shed 12, corrupt_jpeg 1", "blazepose cpu fp32", "15.0 19.9", "1.5 2.0", "30 %", "12 GB",
            "75 98 100",
        ] {
            #expect(text.contains(words), "\(words) in\n\(text)")
        }
        #expect(!text.contains("gateway"), "nobody asked for it, and none runs")
    }

    @Test func `what the figures are looked at for stands on a narrow screen too`() throws {
        let text = screen(try PipelineStatus(Stages()), columns: 80).map(\.text).joined(separator: "\n")
        for words in [
            "shed 12, corrupt_jpeg 1", "127.0.0.1:5581 dropped: inference_failed 4", "15.0 19.9", "75 98 100",
        ] {
            #expect(text.contains(words), "\(words) in\n\(text)")
        }
    }

    @Test(arguments: [1, 20, 21, 40, 60, 79, 80, 81, 120, 300])
    func `no line is longer than the terminal is wide`(_ columns: Int) throws {
        var stages = Stages()
        stages.streams.append(.init(name: String(repeating: "日本", count: 20), window: 32))
        stages.streams.append(.init(name: String(repeating: "long ", count: 20)))
        stages.health[.infer] = .init(
            stage: "infer", live: false, ready: true, progress: false,
            reasons: ["thread engine has not moved for 12.5 s: nothing is looked at and ingest keeps what it has"])
        stages.inferConnected = false
        for line in screen(try PipelineStatus(stages), columns: columns) {
            let wide = line.text.unicodeScalars.count { (0x3000...0x9fff).contains($0.value) }
            #expect(line.text.count + wide <= max(20, columns), "\(line.text)")
        }
    }

    @Test(arguments: [10, 24, 50]) func `streams beyond the screen are counted, those in trouble come first`(
        _ rows: Int
    ) throws {
        var stages = Stages()
        stages.streams = (0..<500).map { Stages.Stream(name: "cam\($0)") }
        stages.streams[321].window = 32
        let lines = screen(try PipelineStatus(stages), columns: 100, rows: rows)
        let heading = try #require(lines.firstIndex { $0.text.hasPrefix("STREAM") })
        if rows >= 24 {
            #expect(lines.count <= rows)
            #expect(lines[heading + 1].text.hasPrefix("cam321") && lines[heading + 1].tone == .warning)
        }
        let rest = try #require(lines.first { $0.text.hasPrefix("… and ") })
        let shown = lines.count { $0.text.hasPrefix("cam") }
        #expect(rest.text == "… and \(500 - shown) more streams")
    }

    @Test func `a stage that is away or stuck says why`() throws {
        var stages = Stages()
        stages.silences[.sink] = "Connection refused"
        let lines = screen(try PipelineStatus(stages), columns: 100)
        #expect(lines.contains { $0.text.hasPrefix("sink") && $0.text.contains("away") && $0.tone == .bad })
        #expect(lines.contains { $0.text.contains("sink: Connection refused") && $0.tone == .bad })
        #expect(lines[0].tone == .bad)
    }

    private func screen(_ status: PipelineStatus, columns: Int, rows: Int? = nil) -> [StatusScreen.Line] {
        StatusScreen(status, Verdict(on: status), columns: columns, rows: rows).lines
    }
}
