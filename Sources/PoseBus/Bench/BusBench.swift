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
    /// Frames a second of each stream; nil is as many as are confirmed.
    let rate: Double?
    let outstanding: Int
    let forwardsFrames: Bool
    let store: String

    private static let warmUp = Duration.seconds(2)

    /// Measures.
    func run() async throws -> BusFigures {
        let progress = ProgressLine()
        let stages = BenchStages(log: { progress.print($0) })
        let endpoints = try await stages.start(store: store, forwardsFrames: forwardsFrames)
        let jpeg = try Self.noise(bytes: imageBytes)
        let latencies = LatencyLog()
        let stop = StopSignal()
        var figures: BusFigures?
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await runOnThread(named: "bench-results") {
                        try Self.subscribe(to: endpoints.results, into: latencies, until: stop)
                    }
                }
                for number in 0..<streams {
                    group.addTask {
                        try await runOnThread(named: "bench-feed-\(number)") {
                            try feed(number, jpeg: jpeg, to: endpoints.request, until: stop)
                        }
                    }
                }
                defer { stop.request() }
                try await Task.sleep(for: Self.warmUp)
                figures = try await watch(stages, latencies, jpegBytes: jpeg.count, progress)
                stop.request()
                try await group.waitForAll()
            }
        } catch {
            await stages.stop()
            throw error
        }
        progress.clear()
        await stages.stop()
        guard let figures else { preconditionFailure("a task group that ends without an error has measured") }
        return figures
    }

    private func watch(
        _ stages: BenchStages, _ latencies: LatencyLog, jpegBytes: Int, _ progress: ProgressLine
    ) async throws -> BusFigures {
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
        let frames = latencies.count
        return BusFigures(
            streams: streams, jpegBytes: jpegBytes, outstanding: outstanding, seconds: took, frames: frames,
            framesPerSecond: Double(frames) / took, p50: latencies.percentile(0.5), p99: latencies.percentile(0.99),
            processes: after.enumerated().map { index, usage in
                let kilobytes = memory.map { $0[index] }
                let half = kilobytes.count / 2
                return BusFigures.Process(
                    name: usage.name,
                    microseconds: (usage.cpuSeconds - before[index].cpuSeconds) / Double(max(1, frames)) * 1e6,
                    earlyMegabytes: Double(kilobytes.prefix(max(1, half)).max() ?? 0) / 1024,
                    lateMegabytes: Double(kilobytes.suffix(max(1, half)).max() ?? 0) / 1024)
            })
    }

    private static func subscribe(to endpoint: String, into latencies: LatencyLog, until stop: StopSignal) throws {
        let subscriber = try Subscriber(to: endpoint, in: Context())
        while !stop.isRequested {
            guard case .outcome(let outcome)? = try subscriber.next(timeout: .milliseconds(50)) else { continue }
            latencies.add(Timestamp.now.milliseconds(since: outcome.frame.captureTime))
        }
    }

    private func feed(_ number: Int, jpeg: [UInt8], to endpoint: String, until stop: StopSignal) throws {
        let feeder = try Feeder(
            stream: StreamName("bench-\(number)"), to: endpoint, in: Context(), delivery: .lossless,
            maxOutstanding: outstanding)
        let message = Message(jpeg)
        // The streams' frames fall between each other's, as those of cameras do.
        let interval = rate.map { Duration.seconds(1 / $0) }
        var due = ContinuousClock.now + (interval ?? .zero) * Double(number) / Double(streams)
        while !stop.isRequested {
            if let interval {
                let left = due - .now
                if left > .zero { usleep(UInt32(left / .microseconds(1))) }
                due += interval
            }
            _ = try feeder.send(jpeg: message, captureTime: .now, whileWaiting: { !stop.isRequested })
        }
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
