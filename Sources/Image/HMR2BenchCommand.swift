internal import ArgumentParser
internal import Foundation
internal import HMR2
internal import Settings
internal import Stage
internal import Tensor
internal import Weights

/// `posebus bench hmr2`: how long HMR2 takes on this machine, and how much of what the machine could do that is.
struct HMR2BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time and memory of HMR2 on this machine.",
        discussion: """
            Loads the folder, runs crops of noise through the network and the body model and reports medians. --peer is a \
            command that prints its own seconds, one number a line; it runs before and after, so that both see the same machine:

              posebus bench hmr2 --peer 'venv/bin/python Tests/Parity/hmr2_reference.py --code 4D-Humans --hmr2-dir DIR --repeat 5'
            """, shouldDisplay: false)

    @OptionGroup var settings: EngineSettings

    @Option(help: "Crops that go through the network together.")
    var batch = 1

    @Option(help: "How many runs are measured.")
    var runs = 15

    @Option(help: "Threads. Default: all cores.")
    var threads: Int?

    @Option(help: "A command that measures another implementation.")
    var peer: String?

    @Flag(help: "Print the figures as one JSON object.")
    var json = false

    func validate() throws {
        guard (1...256).contains(batch), runs > 0, threads ?? 1 > 0 else {
            throw ValidationError("--batch must be from 1 to 256, --runs and --threads at least 1")
        }
    }

    func run() throws {
        do {
            try measure()
        } catch {
            printError("posebus bench hmr2: \(error)")
            throw ExitCode.failure
        }
    }

    private func measure() throws {
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        try openTorch(settings)
        try TorchRuntime.setThreads(threads)
        let device: Device =
            settings.device == "auto"
            ? (TorchRuntime.cudaDeviceCount > 0 ? .cuda(0) : .cpu) : Device(settings.device) ?? .cpu
        var peerTimes = try peer.map(Self.times) ?? []

        let clock = ContinuousClock()
        let beforeLoading = Self.memory("VmHWM")
        let start = clock.now
        let model = try HMR2Model(
            .chosen(settings.hmr2Dir), device: device, precision: Precision(rawValue: settings.precision))
        let loading = (clock.now - start) / .seconds(1)
        let loadingPeak = Self.memory("VmHWM")
        let kept = Self.memory("RssAnon")
        // Where the engine makes them: on the device.
        let crops = try Self.noise(batch).to(device)
        _ = try model.bodies(inCrops: crops, withVertices: false)
        let first = (clock.now - start) / .seconds(1)

        var times: [Double] = []
        for _ in 0..<runs {
            let start = clock.now
            _ = try model.bodies(inCrops: crops, withVertices: false)
            times.append((clock.now - start) / .seconds(1))
        }
        let peak = try Self.productRate(model.precision, device)
        peerTimes += try peer.map(Self.times) ?? []

        let figures = HMR2Figures(
            device: device.description, threads: threads, libtorch: TorchRuntime.version,
            precision: model.precision.rawValue, loadingSeconds: loading, firstAnswerSeconds: first,
            memoryBefore: beforeLoading, memoryWhileLoading: loadingPeak, memoryKept: kept,
            weightBytes: model.weightBytes, batch: batch, batchSeconds: times,
            operationsPerCrop: Double(model.operationsPerCrop), productRate: peak, peerSeconds: peerTimes)
        print(json ? try figures.json : figures.text)
    }

    /// Numbers spread like normalised pixels.
    private static func noise(_ batch: Int) throws -> Tensor {
        var state: UInt64 = 1
        let values = (0..<(batch * 3 * 256 * 192)).map { _ -> Float in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24) * 3.46 - 1.73
        }
        return try Tensor(floats: values, shape: [batch, 3, 256, 192])
    }

    /// Operations a second of the fastest of some matrix products.
    private static func productRate(_ precision: Precision, _ device: Device) throws -> Double {
        // A GPU reaches its rate only with much to do at once: the layers' products in a batch of 64, and a large square.
        let shapes =
            device == .cpu
            ? [(192, 1280, 3840), (192, 1280, 5120), (768, 1280, 1280), (1536, 1024, 2048)]
            : [(64 * 192, 1280, 3840), (64 * 192, 1280, 5120), (64 * 192, 5120, 1280), (8192, 8192, 8192)]
        var best = 0.0
        for (rows, depth, columns) in shapes {
            let weight = [Float](repeating: 0.01, count: depth * columns)
            let layer = try weight.withUnsafeBufferPointer {
                try LinearLayer(
                    weight: $0, bias: nil, outputs: columns, inputs: depth, precision: precision, device: device)
            }
            let input = try Tensor(zeros: [rows, depth], dtype: precision.dtype, device: device)
            var times: [Double] = []
            for _ in 0..<25 {
                let start = ContinuousClock.now
                // Eight at once, and one number read back: a GPU answers before it has computed.
                var last = try layer(input, as: precision.dtype)
                for _ in 1..<8 { last = try layer(input, as: precision.dtype) }
                _ = try last.narrowed(dimension: 0, start: 0, count: 1).floats()
                times.append((ContinuousClock.now - start) / .seconds(8))
            }
            best = max(best, 2 * Double(rows * depth * columns) / (times.min() ?? 1))
        }
        return best
    }

    private static func times(of command: String) throws -> [Double] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        // The peer's threads wait as they do without this program.
        process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "OMP_WAIT_POLICY" }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let times = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { Double($0) }
        guard process.terminationStatus == 0, !times.isEmpty else {
            throw StageFailure(
                "the peer's command ended with status \(process.terminationStatus) and \(times.count) times: \(command)",
                exitCode: .failure)
        }
        return times
    }

    /// A line of /proc/self/status in MB.
    private static func memory(_ key: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(key):") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
    }
}
