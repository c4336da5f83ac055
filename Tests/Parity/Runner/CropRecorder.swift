internal import BlazePose
internal import Foundation
internal import Plans
internal import TFLite

/// The networks, with a count of what they are asked and, on demand, a record of it.
final class ObservedInference: PoseInference {
    private let networks: BlazePoseNetworks
    private let recorder: CropRecorder?
    /// Crops the detector has been given since the last `reset()`.
    private(set) var detectorCrops = 0
    /// Crops the landmark model has been given since the last `reset()`.
    private(set) var landmarkCrops = 0

    init(_ networks: BlazePoseNetworks, recorder: CropRecorder?) throws {
        self.networks = networks
        self.recorder = recorder
    }

    func reset() {
        (detectorCrops, landmarkCrops) = (0, 0)
    }

    func detections(in crops: [Crop], threshold: Float) throws -> [[PoseDetection]] {
        detectorCrops += crops.count
        try recorder?.recordDetector(crops)
        return try networks.detections(in: crops, threshold: threshold)
    }

    func estimates(in crops: [Crop]) throws -> [PoseEstimate] {
        landmarkCrops += crops.count
        try recorder?.recordLandmarks(crops)
        return try networks.estimates(in: crops)
    }
}

/// Writes crops and all that the graph executor makes of them: `NAME-NUMBER.f32` holds the input, then each output of
/// the graph in its order, as little-endian float32.
final class CropRecorder {
    private let detector: GraphExecutor
    private let landmarker: GraphExecutor
    private let folder: URL
    private let interval: Int
    private var seen = 0

    init(_ models: BlazePoseModels, folder: URL, every interval: Int) throws {
        detector = try GraphExecutor(models.detector)
        landmarker = try GraphExecutor(models.landmarks)
        self.folder = folder
        self.interval = max(1, interval)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func recordDetector(_ crops: [Crop]) throws {
        try record(crops, "pose_detection", detector, BlazePoseNetworks.detectorInput)
    }

    func recordLandmarks(_ crops: [Crop]) throws {
        try record(crops, "pose_landmark_full", landmarker, BlazePoseNetworks.landmarkInput)
    }

    private func record(
        _ crops: [Crop], _ name: String, _ executor: GraphExecutor, _ input: ([Crop]) throws -> FloatArray
    ) throws {
        for crop in crops {
            defer { seen += 1 }
            guard seen.isMultiple(of: interval) else { continue }
            let input = try input([crop])
            var file = Data()
            for array in [input] + (try executor.run([input])) {
                array.withUnsafeElements { file.append(contentsOf: UnsafeRawBufferPointer($0)) }
            }
            try file.write(to: folder.appendingPathComponent("\(name)-\(seen).f32"))
        }
    }
}
