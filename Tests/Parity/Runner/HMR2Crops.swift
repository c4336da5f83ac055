internal import ArgumentParser
internal import Foundation
internal import HMR2
internal import Tensor
internal import Weights

/// Runs HMR2 over crops, or over boxes in a picture, and writes every result: `NAME.f32`, row-major.
struct HMR2Crops: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hmr2", abstract: "Run HMR2 over normalised crops or over boxes in a picture.")

    @Option(help: "Folder of 4D-Humans' layout.")
    var hmr2Dir: String

    @Option(help: "(B, 3, 256, 256) 32-bit numbers; the middle 192 columns are used.")
    var crops: String?

    @Option(help: "(height, width, 3) bytes, red first.")
    var picture: String?

    @Option(help: "The picture's width.")
    var width = 0

    @Option(help: "x1,y1,x2,y2 in the picture. Repeat.")
    var box: [String] = []

    @Option(help: "fp32, bf16 or fp16.")
    var precision = "fp32"

    @Option(help: "cpu, cuda or cuda:N.")
    var device = "cpu"

    @Option(help: "Threads.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Measure the time of so many further runs; seconds on standard output.")
    var `repeat` = 0

    @Option(help: "Folder of the results.")
    var output: String?

    func run() throws {
        guard let precision = Precision(rawValue: precision), let device = Device(device) else {
            throw ValidationError("the precision or the device is unknown")
        }
        _ = try TorchRuntime.open(nil)
        try TorchRuntime.setThreads(threads)
        let folder = HMR2Folder(URL(fileURLWithPath: hmr2Dir, isDirectory: true))
        let model = try HMR2Model(folder, device: device, precision: precision)
        if let output { try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true) }
        if let picture { try runPicture(model, Data(contentsOf: URL(fileURLWithPath: picture))) }
        if let crops { try runCrops(model, Data(contentsOf: URL(fileURLWithPath: crops))) }
    }

    private func runCrops(_ model: HMR2Model, _ data: Data) throws {
        let count = data.count / (4 * 3 * 256 * 256)
        let whole = try data.withUnsafeBytes { try Tensor(copying: $0, shape: [count, 3, 256, 256], dtype: .float32) }
        let crops = try whole.narrowed(dimension: 3, start: 32, count: 192).contiguous()
        let bodies = try model.bodies(inCrops: crops, withVertices: true) { name, tensor in
            try write(name, try tensor.floats())
        }
        try write(bodies)
        try write("cam_t", bodies.flatMap { points([$0.camera.translation(focalLength: model.cropFocalLength)]) })
        // 4D-Humans' own unit: the crop's side, from its middle.
        let focal = model.cropFocalLength
        try write(
            "keypoints_2d",
            bodies.flatMap { body in
                let translation = body.camera.translation(focalLength: focal)
                return body.keypoints.flatMap { point in
                    let seen = CropCamera.project(
                        point, translation: translation, focalLength: focal / 256, width: 0, height: 0)
                    return [seen.x, seen.y]
                }
            })
        for _ in 0..<`repeat` {
            let start = ContinuousClock.now
            _ = try model.bodies(inCrops: crops, withVertices: false)
            print((ContinuousClock.now - start) / .seconds(1))
        }
    }

    private func runPicture(_ model: HMR2Model, _ data: Data) throws {
        let height = data.count / (3 * width)
        let pixels = try data.withUnsafeBytes { try Tensor(copying: $0, shape: [height, width, 3], dtype: .uint8) }
        let crops = box.map { text in
            let corners = text.split(separator: ",").compactMap { Float($0) }
            return PersonCrop(
                x: corners[0], y: corners[1], width: corners[2] - corners[0], height: corners[3] - corners[1])
        }
        let picture = HMR2Model.Picture(pixels: pixels, crops: crops)
        try write("levels", try HMR2Model.levels(picture).flatMap { try $0.permuted([0, 2, 1]).contiguous().floats() })
        let bodies = try model.bodies(in: [picture])[0]
        try write(bodies)
        let focal = CropCamera.standardFocalLength(model.cropFocalLength, width: width, height: height)
        try write(
            "camera",
            zip(bodies, crops).flatMap { body, crop in
                points([body.camera.translation(in: crop, width: width, height: height, focalLength: focal)])
            })
    }

    private func write(_ bodies: [HMR2Model.Body]) throws {
        try write("rotations", bodies.flatMap { $0.globalOrient + $0.bodyPose })
        try write("betas", bodies.flatMap(\.betas))
        try write("cam", bodies.flatMap { [$0.camera.scale, $0.camera.x, $0.camera.y] })
        try write("keypoints_3d", bodies.flatMap { points($0.keypoints) })
        try write("vertices", bodies.flatMap { points($0.vertices) })
    }

    private func points(_ values: [SIMD3<Float>]) -> [Float] { values.flatMap { [$0.x, $0.y, $0.z] } }

    private func write(_ name: String, _ values: [Float]) throws {
        guard let output else { return }
        try values.withUnsafeBytes { Data($0) }.write(
            to: URL(fileURLWithPath: output).appendingPathComponent("\(name).f32"))
    }
}
