internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import PHALP
internal import Tensor
internal import Weights

/// Runs PHALP's networks over what compare_phalp.py writes, and writes every result: `NAME.f32`, row-major.
struct PHALPNetworks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "phalp", abstract: "Run PHALP's networks over textures, crops and histories of poses.")

    @Option(help: "Folder of the layout of PHALP's cache.")
    var phalpDir: String

    @Option(help: "Folder of the inputs: vertices, faces, crops, textures, histories, frames and since, as .npy.")
    var input: String

    @Option(help: "fp32, bf16 or fp16, for the pose transformer.")
    var precision = "fp32"

    @Option(help: "cpu, cuda or cuda:N.")
    var device = "cpu"

    @Option(help: "automatic, kernel or tensors: what draws depth.")
    var raster = "automatic"

    @Option(help: "Threads.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Measure the time of so many further runs; a name and milliseconds on standard output.")
    var `repeat` = 0

    @Option(help: "Persons at once while measuring.")
    var persons = 1

    @Option(help: "Folder of the results.")
    var output: String?

    func run() throws {
        guard let precision = Precision(rawValue: precision), let device = Device(device),
            let method = RasterMethod.allCases.first(where: { "\($0)" == raster })
        else { throw ValidationError("the precision, the device or the raster method is unknown") }
        _ = try TorchRuntime.open(nil)
        try TorchRuntime.setThreads(threads)
        if let output { try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true) }
        let folder = PHALPFolder(URL(fileURLWithPath: phalpDir, isDirectory: true))
        let model = try PHALPModel(
            folder, faces: try array("faces").integers(), device: device, precision: precision)
        try runTextures(model, method)
        try runPoses(model)
        if `repeat` > 0 { try measure(model, method) }
    }

    private func runTextures(_ model: PHALPModel, _ method: RasterMethod) throws {
        let images = try model.sampler.images(
            vertices: try tensor("vertices"), crops: try tensor("crops"), method: method
        ) { try write($0, try $1.floats()) }
        let seen = try model.sampler.textures(images)
        try write("uv_vector", try seen.floats())
        try write("embedding", try model.encoder(seen).floats())
        let textures = try tensor("textures")
        try write("encoded", try model.encoder(textures).floats())
        func texture(_ all: Tensor, _ index: Int) throws -> Tensor {
            try all.narrowed(dimension: 0, start: index, count: 1).reshaped([4, 256, 256]).to(model.device)
        }
        let tracks = try [texture(textures, 0), texture(textures, 1)]
        let detections = try [texture(textures, 2), texture(seen, 0), texture(seen, 1)]
        let pairs = try model.encoder.distances(tracks: tracks, detections: detections).joined()
        try write("distances", pairs.map(\.distance))
        try write("shared", pairs.map(\.sharedFraction))
        try write("mixed", try model.mixed(old: tracks[0], new: tracks[1], confidence: 0.9).floats())
    }

    private func runPoses(_ model: PHALPModel) throws {
        let histories = try histories()
        let poses = try model.predictor(histories) { try write($0, try $1.floats()) }
        try write("pose", Array(poses.joined()))
        try write(
            "pose_own", Array(try model.predictPoses(histories: histories, reading: .ownFrame).joined()))
    }

    private func histories() throws -> [PoseHistory] {
        let poses = try array("histories").floats()
        let frames = try array("frames").integers()
        let since = try array("since").integers()
        let count = frames.count / since.count
        return since.indices.map { person in
            let own = (person * count)..<((person + 1) * count)
            return PoseHistory(
                poses: own.map { Array(poses[($0 * PoseVector.count)..<(($0 + 1) * PoseVector.count)]) },
                frames: Array(frames[own]), framesSince: since[person])
        }
    }

    private func measure(_ model: PHALPModel, _ method: RasterMethod) throws {
        func repeated(_ name: String) throws -> Tensor {
            let one = try tensor(name).narrowed(dimension: 0, start: 0, count: 1)
            return try Tensor.concatenated(Array(repeating: one, count: persons), dimension: 0).to(model.device)
        }
        let (vertices, crops) = (try repeated("vertices"), try repeated("crops"))
        let textures = try repeated("textures")
        let one = try textures.narrowed(dimension: 0, start: 0, count: 1).reshaped([4, 256, 256])
        let histories = Array(repeating: try histories()[1], count: persons)
        let faces = try Tensor(integers: try array("faces").integers(), shape: try array("faces").shape)
            .to(model.device)
        let works: [(String, () throws -> Void)] = [
            (
                "depth",
                {
                    _ = try Tensor.depthImages(
                        vertices: vertices, faces: faces, camera: TextureSampler.camera, method: method
                    ).narrowed(dimension: 0, start: 0, count: 1).floats()
                }
            ),
            (
                "texture",
                {
                    let images = try model.sampler.images(vertices: vertices, crops: crops, method: method)
                    _ = try model.sampler.textures(images).narrowed(dimension: 0, start: 0, count: 1).floats()
                }
            ),
            ("encoder", { _ = try model.encoder(textures).floats() }),
            ("pair", { _ = try model.pairDistances(tracks: [one], detections: Array(repeating: one, count: persons)) }),
            ("predictor", { _ = try model.predictPoses(histories: histories) }),
        ]
        for (name, work) in works {
            try work()
            for _ in 0..<`repeat` {
                let start = ContinuousClock.now
                try work()
                print(name, (ContinuousClock.now - start) / .milliseconds(1))
            }
        }
    }

    private func array(_ name: String) throws -> StoredArray {
        try NumpyFile(contentsOf: URL(fileURLWithPath: input).appendingPathComponent("\(name).npy")).array
    }

    private func tensor(_ name: String) throws -> Tensor {
        let array = try array(name)
        return try Tensor(floats: array.floats(), shape: array.shape)
    }

    private func write(_ name: String, _ values: [Float]) throws {
        guard let output else { return }
        try values.withUnsafeBytes { Data($0) }.write(
            to: URL(fileURLWithPath: output).appendingPathComponent("\(name).f32"))
    }
}
