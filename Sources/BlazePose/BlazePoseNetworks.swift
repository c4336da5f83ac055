package import Plans
internal import TFLite

/// The two published networks over the graph executor.
///
/// With two threads or more they run side by side where there is more than one crop to look at, for what would be gained by
/// dividing a single run between two processors is largely lost to waiting.
package final class BlazePoseNetworks: PoseInference, Sendable {
    private let detector: GraphExecutor
    private let landmarker: GraphExecutor
    private let assistant: Assistant?
    private let masks: Bool

    package init(models: BlazePoseModels, options: BlazePoseOptions) throws {
        masks = options.masks
        assistant = options.threads > 1 ? Assistant() : nil
        let threads = max(1, options.threads / 2)
        detector = try GraphExecutor(
            models.detector, outputs: [Output.boxes, Output.logits], threads: threads)
        var outputs = [Output.landmarks, Output.score, Output.heatmap, Output.world]
        // Without the mask its part of the graph is not run at all.
        if masks { outputs.append(Output.mask) }
        landmarker = try GraphExecutor(
            models.landmarks, outputs: outputs, threads: threads)
    }

    /// Names of the tensors in the published files.
    private enum Output {
        static let boxes = "Identity"
        static let logits = "Identity_1"
        static let landmarks = "Identity"
        static let score = "Identity_1"
        static let mask = "Identity_2"
        static let heatmap = "Identity_3"
        static let world = "Identity_4"
    }

    package func detections(in crops: [Crop], threshold: Float) throws -> [[PoseDetection]] {
        try shared(crops) { try self.detect($0, threshold: threshold) }
    }

    package func estimates(in crops: [Crop]) throws -> [PoseEstimate] {
        try shared(crops) { try self.estimate($0) }
    }

    package func startDetections(in crops: [Crop], threshold: Float) -> (any DetectionsAhead)? {
        assistant.map { $0.start { try self.detect(crops[...], threshold: threshold) } }
    }

    /// Runs a network over crops, half of them on the second thread.
    private func shared<Result: Sendable>(
        _ crops: [Crop], _ run: @escaping @Sendable (ArraySlice<Crop>) throws -> [Result]
    ) throws -> [Result] {
        guard crops.count > 1, let assistant else { return crops.isEmpty ? [] : try run(crops[...]) }
        let middle = (crops.count + 1) / 2
        let second = assistant.start { try run(crops[middle...]) }
        return try run(crops[..<middle]) + second.value()
    }

    private func detect(_ crops: ArraySlice<Crop>, threshold: Float) throws -> [[PoseDetection]] {
        let crops = Array(crops)
        let outputs = try detector.run([try Self.detectorInput(crops)])
        return try withFloats(outputs[0], count: crops.count) { boxes in
            try withFloats(outputs[1], count: crops.count) { logits in
                crops.indices.map { index in
                    let map = crops[index].region.toPixels
                    return DetectionDecoder.decode(
                        boxes: boxes(index), logits: logits(index), threshold: threshold
                    ).map { $0.projected(by: map) }
                }
            }
        }
    }

    private func estimate(_ crops: ArraySlice<Crop>) throws -> [PoseEstimate] {
        let crops = Array(crops)
        let outputs = try landmarker.run([try Self.landmarkInput(crops)])
        let count = crops.count
        return try withFloats(outputs[0], count: count) { landmarks in
            try withFloats(outputs[1], count: count) { score in
                try withFloats(outputs[2], count: count) { heatmap in
                    try withFloats(outputs[3], count: count) { world in
                        let poses = crops.indices.map { index in
                            LandmarkDecoder.decode(
                                LandmarkDecoder.Outputs(
                                    landmarks: landmarks(index), score: score(index)[0], heatmap: heatmap(index),
                                    world: world(index)),
                                region: crops[index].region)
                        }
                        guard masks else { return poses }
                        return try withFloats(outputs[4], count: count) { mask in
                            poses.enumerated().map { index, pose in
                                var pose = pose
                                pose.mask = PersonMask(logits: mask(index), region: pose.region)
                                return pose
                            }
                        }
                    }
                }
            }
        }
    }

    /// What the detector is given, (N, 224, 224, 3): -1…1, black around the picture.
    /// Source: MediaPipe modules/pose_detection/pose_detection_cpu.pbtxt.
    package static func detectorInput(_ crops: [Crop]) throws -> FloatArray {
        try input(crops, side: DetectorAnchors.inputSide, border: .zero, scale: 2 / 255, offset: -1)
    }

    /// What the landmark model is given, (N, 256, 256, 3): 0…1; the edge is continued.
    /// Source: MediaPipe modules/pose_landmark/pose_landmark_by_roi_cpu.pbtxt.
    package static func landmarkInput(_ crops: [Crop]) throws -> FloatArray {
        try input(crops, side: LandmarkDecoder.inputSide, border: .replicate, scale: 1 / 255, offset: 0)
    }

    /// All crops as one array (N, side, side, 3).
    private static func input(
        _ crops: [Crop], side: Int, border: ImageWarp.Border, scale: Float, offset: Float
    ) throws -> FloatArray {
        let array = try FloatArray(zeros: [crops.count, side, side, 3])
        try array.withUnsafeMutableElements { floats in
            let length = side * side * 3
            for (index, crop) in crops.enumerated() {
                try ImageWarp.sample(
                    crop.image, region: crop.region, side: side, border: border, scale: scale, offset: offset,
                    into: UnsafeMutableBufferPointer(rebasing: floats[(index * length)..<((index + 1) * length)]))
            }
        }
        return array
    }

    /// Hands `body` a function from a crop's index to that crop's part of the array.
    private func withFloats<Result>(
        _ array: FloatArray, count: Int, _ body: ((Int) -> UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        try array.withUnsafeElements { floats in
            guard floats.count.isMultiple(of: count), !floats.isEmpty else {
                throw BlazePoseError.model("a network answered \(array.shape) to \(count) crops")
            }
            let length = floats.count / count
            return try body { UnsafeBufferPointer(rebasing: floats[($0 * length)..<(($0 + 1) * length)]) }
        }
    }
}

extension Assistant.Work: DetectionsAhead where Result == [[PoseDetection]] {}
