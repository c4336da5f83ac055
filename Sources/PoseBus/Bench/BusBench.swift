internal import ArgumentParser
internal import Client
internal import Foundation
internal import JPEG
internal import Messages
internal import Stage
internal import Synchronization
internal import ZeroMQ

/// The bus alone, measured from a feeder's `send` to a subscriber's `receive`.
struct BusBench {
    let seconds: Int
    let streams: Int
    let imageBytes: Int
    let outstanding: Int
    let store: String

    private static let warmUp = Duration.seconds(2)

    /// Measures and returns the report.
    func run() async throws -> String {
        let progress = ProgressLine()
        let stages = BenchStages(log: { progress.print($0) })
        let endpoints = try await stages.start(store: store)
        let jpeg = try Self.noise(bytes: imageBytes)
        let latencies = LatencyLog()
        let stop = StopSignal()
        var lines: [String] = []
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await runOnThread(named: "bench-results") {
                        let subscriber = try Subscriber(to: endpoints.results, in: Context())
                        while !stop.isRequested {
                            guard case .outcome(let outcome)? = try subscriber.next(timeout: .milliseconds(50)) else {
                                continue
                            }
                            latencies.add(Timestamp.now.milliseconds(since: outcome.frame.captureTime))
                        }
                    }
                }
                for number in 0..<streams {
                    group.addTask { [outstanding] in
                        let name = try StreamName("bench-\(number)")
                        try await runOnThread(named: "bench-feed-\(number)") {
                            let feeder = try Feeder(
                                stream: name, to: endpoints.request, in: Context(), delivery: .lossless,
                                maxOutstanding: outstanding)
                            let message = Message(jpeg)
                            while !stop.isRequested {
                                _ = try feeder.send(
                                    jpeg: message, captureTime: .now, whileWaiting: { !stop.isRequested })
                            }
                        }
                    }
                }
                defer { stop.request() }
                try await Task.sleep(for: Self.warmUp)
                latencies.reset()
                let before = stages.usage()
                let start = ContinuousClock.now
                var memory: [[Int]] = []
                while ContinuousClock.now - start < .seconds(seconds) {
                    try await Task.sleep(for: .seconds(1))
                    memory.append(stages.usage().map(\.residentKilobytes))
                    let elapsed = (ContinuousClock.now - start) / .seconds(1)
                    progress.update(
                        "\(Int(elapsed)) of \(seconds) s  \(latencies.count.grouped) frames  "
                            + "\((Double(latencies.count) / elapsed).fixed(0)) frames/s")
                }
                let took = (ContinuousClock.now - start) / .seconds(1)
                let after = stages.usage()
                stop.request()
                lines = report(
                    latencies: latencies, took: took, imageBytes: jpeg.count, before: before, after: after,
                    memory: memory)
                try await group.waitForAll()
            }
        } catch {
            await stages.stop()
            throw error
        }
        progress.clear()
        await stages.stop()
        return lines.joined(separator: "\n")
    }

    private func report(
        latencies: LatencyLog, took: Double, imageBytes: Int, before: [ProcessUsage], after: [ProcessUsage],
        memory: [[Int]]
    ) -> [String] {
        let frames = latencies.count
        var lines = [
            "\(streams) streams, \(imageBytes.grouped) bytes a JPEG, \(took.fixed(1)) s, engine none, store on, "
                + "\(ProcessInfo.processInfo.activeProcessorCount) cores",
            "frames/s          \((Double(frames) / took).fixed(0))",
            "latency           p50 \(latencies.percentile(0.5).fixed(1)) ms, p99 \(latencies.percentile(0.99).fixed(1)) ms "
                + "(send to outcome received, \(outstanding) frames of each stream under way)",
        ]
        for (index, usage) in after.enumerated() {
            let cpu = usage.cpuSeconds - before[index].cpuSeconds
            let kilobytes = memory.map { $0[index] }
            let half = kilobytes.count / 2
            let early = kilobytes.prefix(max(1, half)).max() ?? 0
            let late = kilobytes.suffix(max(1, half)).max() ?? 0
            lines.append(
                usage.name.padding(toLength: 18, withPad: " ", startingAt: 0)
                    + "\((cpu / Double(max(1, frames)) * 1e6).fixed(0)) µs CPU a frame, memory at most "
                    + "\((Double(early) / 1024).fixed(0)) MB in the first half, \((Double(late) / 1024).fixed(0)) MB in the second"
            )
        }
        return lines
    }

    /// A JPEG of about `bytes` bytes: noise, of which there is as much as it takes.
    private static func noise(bytes: Int) throws -> [UInt8] {
        var random = SplitMix(state: 1)
        var side = 64
        var jpeg: [UInt8] = []
        while jpeg.count < bytes {
            let pixels = (0..<3 * side * side).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            jpeg = try pixels.withUnsafeBytes {
                try JPEGEncoder(quality: 60).encode($0, width: side, height: side)
            }
            side += 8
        }
        return jpeg
    }
}

/// A small seeded generator (Steele, Lea and Flood 2014): the same images in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Latencies in milliseconds, collected by one thread and read by another.
final class LatencyLog: Sendable {
    private let values = Mutex<[Float]>([])

    var count: Int { values.withLock { $0.count } }

    func add(_ milliseconds: Float) {
        values.withLock { $0.append(milliseconds) }
    }

    func reset() {
        values.withLock { $0.removeAll(keepingCapacity: true) }
    }

    /// The value below which the given share lies.
    func percentile(_ share: Double) -> Double {
        values.withLock { values in
            guard !values.isEmpty else { return 0 }
            let sorted = values.sorted()
            return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))])
        }
    }
}
