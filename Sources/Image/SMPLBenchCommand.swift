internal import ArgumentParser
internal import Foundation
internal import SMPL
internal import Settings
internal import Stage
internal import Tensor
internal import Weights

/// `posebus bench smpl`: how many bodies the SMPL body model makes a second.
struct SMPLBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-smpl",
        abstract: "Bodies a second of the SMPL body model: vertices and joints, in 32 bits.",
        shouldDisplay: false)

    @OptionGroup var settings: EngineSettings

    @Option(help: "SMPL as its owners publish it: a .pkl.")
    var model: String

    @Option(help: "Bodies that are posed together; may be given more than once.")
    var batch = [1, 64]

    @Option(help: "How long each size is measured, after half a second that does not count.")
    var seconds = 2.0

    @Option(help: "Threads. Default: all cores.")
    var threads: Int?

    @Flag(help: "Print one line of JSON.")
    var json = false

    func validate() throws {
        guard batch.allSatisfy((1...4096).contains), seconds > 0, threads ?? 1 > 0 else {
            throw ValidationError("--batch must be from 1 to 4096, --seconds positive, --threads at least 1")
        }
    }

    func run() throws {
        do {
            try openTorch(settings)
            try TorchRuntime.setThreads(threads ?? ProcessInfo.processInfo.activeProcessorCount)
            let device: Device = settings.device == "auto" ? .cpu : Device(settings.device) ?? .cpu
            let body = try SMPLModel(SMPLFile(contentsOf: URL(fileURLWithPath: model)), device: device)
            let rates = try batch.map { (batch: $0, rate: try rate(of: body, batch: $0, device)) }
            if json {
                let entries = rates.map { "\"bodies_per_second_\($0.batch)\": \(String(format: "%.1f", $0.rate))" }
                print("{\(entries.joined(separator: ", "))}")
            } else {
                for entry in rates { print(String(format: "%8.0f bodies/s in batches of %d", entry.rate, entry.batch)) }
            }
        } catch {
            printError("posebus bench smpl: \(error)")
            throw ExitCode.failure
        }
    }

    private func rate(of body: SMPLModel, batch: Int, _ device: Device) throws -> Double {
        let betas = try Tensor(floats: Self.noise(batch * 10), shape: [batch, 10]).to(device)
        // Turns about one axis each, by up to half a radian.
        let angles = Self.noise(batch * 24)
        let matrices = angles.flatMap { angle -> [Float] in
            [cos(angle), -sin(angle), 0, sin(angle), cos(angle), 0, 0, 0, 1]
        }
        let rotations = try Tensor(floats: matrices, shape: [batch, 24, 3, 3]).to(device)
        func pose(for seconds: Double) throws -> Double {
            let start = ContinuousClock.now
            var count = 0
            var took = 0.0
            while took < seconds {
                let bodies = try body(betas: betas, rotations: rotations)
                // A GPU answers before it has computed.
                if case .cpu = device {} else { _ = try bodies.joints.floats() }
                count += batch
                took = (.now - start) / .seconds(1)
            }
            return Double(count) / took
        }
        _ = try pose(for: 0.5)
        return try pose(for: seconds)
    }

    /// Seeded numbers from -0.5 to 0.5.
    private static func noise(_ count: Int) -> [Float] {
        var state: UInt64 = 1
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24) - 0.5
        }
    }
}
