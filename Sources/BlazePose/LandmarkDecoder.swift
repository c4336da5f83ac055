internal import Foundation

/// From the landmark model's output tensors for one crop to a pose in the picture.
package enum LandmarkDecoder {
    /// Side of the model's input, in pixels.
    package static let inputSide = 256
    /// Landmarks of the body; the tensors hold six more, of which the first two align the next region.
    package static let bodyLandmarks = 33
    package static let allLandmarks = 39
    package static let valuesPerLandmark = 5
    package static let heatmapSide = 64

    /// The tensors of one crop, without the batch dimension.
    package struct Outputs {
        /// 39 × 5: x, y, z in pixels of the input, visibility and presence before the sigmoid.
        package var landmarks: UnsafeBufferPointer<Float>
        /// Belief that a person is there, 0…1.
        package var score: Float
        /// 64 × 64 × 39 logits.
        package var heatmap: UnsafeBufferPointer<Float>
        /// 39 × 3 metres.
        package var world: UnsafeBufferPointer<Float>

        package init(
            landmarks: UnsafeBufferPointer<Float>, score: Float, heatmap: UnsafeBufferPointer<Float>,
            world: UnsafeBufferPointer<Float>
        ) {
            self.landmarks = landmarks
            self.score = score
            self.heatmap = heatmap
            self.world = world
        }
    }

    /// The pose in pixels of the picture that `region` was cut from.
    ///
    /// Source: MediaPipe `modules/pose_landmark/tensors_to_pose_landmarks_and_segmentation.pbtxt` and
    /// `pose_landmarks_and_segmentation_inverse_projection.pbtxt`; `calculators/util/landmark_projection_calculator.cc`
    /// (depth scales with the region's width) and `world_landmark_projection_calculator.cc` (metres are turned by the
    /// region's rotation).
    package static func decode(_ outputs: Outputs, region: PoseRegion, mask: PersonMask? = nil) -> PoseEstimate {
        precondition(outputs.landmarks.count == allLandmarks * valuesPerLandmark)
        precondition(outputs.heatmap.count == heatmapSide * heatmapSide * allLandmarks)
        precondition(outputs.world.count == allLandmarks * 3)
        let map = region.toPixels
        let side = Float(inputSide)
        func position(_ index: Int) -> Point {
            let raw = Point(
                x: outputs.landmarks[index * valuesPerLandmark] / side,
                y: outputs.landmarks[index * valuesPerLandmark + 1] / side)
            return map(refine(raw, landmark: index, heatmap: outputs.heatmap))
        }
        let landmarks = (0..<bodyLandmarks).map { index in
            let offset = index * valuesPerLandmark
            return Landmark(
                position: position(index), depth: outputs.landmarks[offset + 2] / side * region.size,
                visibility: sigmoid(outputs.landmarks[offset + 3]), presence: sigmoid(outputs.landmarks[offset + 4]))
        }
        let cosine = cos(region.rotation)
        let sine = sin(region.rotation)
        let world = (0..<bodyLandmarks).map { index in
            let x = outputs.world[index * 3]
            let y = outputs.world[index * 3 + 1]
            return SIMD3<Float>(cosine * x - sine * y, sine * x + cosine * y, outputs.world[index * 3 + 2])
        }
        return PoseEstimate(
            score: outputs.score, landmarks: landmarks, world: world,
            alignment: (hips: position(bodyLandmarks), scale: position(bodyLandmarks + 1)), region: region, mask: mask)
    }

    /// Moves a landmark to the centre of mass of its heatmap around it, if the heatmap is sure of itself.
    ///
    /// Source: MediaPipe `calculators/util/refine_landmarks_from_heatmap_calculator.cc`. The kernel is 9 cells, the
    /// calculator's default and what `mediapipe==0.10.21` computes (with the 7 of newer graphs its landmarks come out
    /// a pixel away); cells are taken at their index, not at their middle, as there.
    package static func refine(_ point: Point, landmark: Int, heatmap: UnsafeBufferPointer<Float>) -> Point {
        let side = Float(heatmapSide)
        // NaN and infinities fail these comparisons; truncation towards zero is the calculator's.
        guard point.x * side > -1, point.x * side < side, point.y * side > -1, point.y * side < side else {
            return point
        }
        let column = Int(point.x * side)
        let row = Int(point.y * side)
        let columns = max(0, column - kernelReach)..<min(heatmapSide, column + kernelReach + 1)
        let rows = max(0, row - kernelReach)..<min(heatmapSide, row + kernelReach + 1)
        var sum: Float = 0
        var sumX: Float = 0
        var sumY: Float = 0
        var most: Float = 0
        for y in rows {
            for x in columns {
                let confidence = sigmoid(heatmap[(y * heatmapSide + x) * allLandmarks + landmark])
                sum += confidence
                most = max(most, confidence)
                sumX += Float(x) * confidence
                sumY += Float(y) * confidence
            }
        }
        guard most >= leastConfidence, sum > 0 else { return point }
        return Point(x: sumX / side / sum, y: sumY / side / sum)
    }

    private static let kernelReach = 4
    private static let leastConfidence: Float = 0.5

    private static func sigmoid(_ value: Float) -> Float { 1 / (1 + exp(-value)) }
}
