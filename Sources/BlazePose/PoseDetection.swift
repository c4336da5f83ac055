internal import Foundation

/// One person as the detector sees it.
package struct PoseDetection: Sendable {
    /// Confidence, 0…1.
    package var score: Float
    /// Box around the face and shoulders (not the body), in the coordinates of `points`.
    package var box: BoundingBox
    /// Middle of the hips; size and inclination of the body; middle of the shoulders; size and inclination of the upper
    /// body.
    package var points: [Point]

    package init(score: Float, box: BoundingBox, points: [Point]) {
        self.score = score
        self.box = box
        self.points = points
    }

    /// The body's region of interest for the landmark model.
    package var region: PoseRegion { PoseRegion(hips: points[0], scale: points[1]) }

    /// From unit coordinates of a crop to pixels of the picture that it was cut from.
    package func projected(by map: Affine) -> PoseDetection {
        let corners = [
            Point(x: box.x, y: box.y), Point(x: box.x + box.width, y: box.y),
            Point(x: box.x, y: box.y + box.height), Point(x: box.x + box.width, y: box.y + box.height),
        ]
        return PoseDetection(
            score: score, box: BoundingBox(around: corners.map { map($0) }) ?? box, points: points.map { map($0) })
    }
}

/// From the detector's two output tensors to persons.
package enum DetectionDecoder {
    package static let valuesPerAnchor = 12
    private static let scoreLimit: Float = 100
    private static let suppressionThreshold: Float = 0.3

    /// Persons in unit coordinates of the crop, best first.
    ///
    /// Source: MediaPipe `calculators/tensor/tensors_to_detections_calculator.cc` (x before y, sigmoid of scores
    /// clipped to ±100) and `calculators/util/non_max_suppression_calculator.cc`, options of
    /// `modules/pose_detection/pose_detection_cpu.pbtxt`.
    ///
    /// - Parameters:
    ///   - boxes: 2254 × 12: x, y, width, height, then x, y of four points, in pixels of the input relative to the anchor.
    ///   - logits: 2254 scores before the sigmoid.
    ///   - threshold: least score of a detection, 0…1.
    package static func decode(
        boxes: UnsafeBufferPointer<Float>, logits: UnsafeBufferPointer<Float>, threshold: Float
    ) -> [PoseDetection] {
        let anchors = DetectorAnchors.centers
        precondition(boxes.count == anchors.count * valuesPerAnchor && logits.count == anchors.count)
        let side = Float(DetectorAnchors.inputSide)
        var detections: [PoseDetection] = []
        for index in 0..<anchors.count {
            let score = 1 / (1 + exp(-min(max(logits[index], -scoreLimit), scoreLimit)))
            guard score >= threshold else { continue }
            let anchor = anchors[index]
            let values = boxes[(index * valuesPerAnchor)..<((index + 1) * valuesPerAnchor)].map { $0 / side }
            // The calculator leaves out boxes of negative or undefined size.
            guard values[2] >= 0, values[3] >= 0, values.allSatisfy(\.isFinite) else { continue }
            detections.append(
                PoseDetection(
                    score: score,
                    box: BoundingBox(
                        x: values[0] + anchor.x - values[2] / 2, y: values[1] + anchor.y - values[3] / 2,
                        width: values[2], height: values[3]),
                    points: stride(from: 4, to: valuesPerAnchor, by: 2).map {
                        Point(x: values[$0] + anchor.x, y: values[$0 + 1] + anchor.y)
                    }))
        }
        return weightedNonMaximumSuppression(detections)
    }

    /// Melts each group of overlapping detections into one: the mean of their boxes and points, weighted by score, with
    /// the best score (`algorithm: WEIGHTED`).
    package static func weightedNonMaximumSuppression(_ detections: [PoseDetection]) -> [PoseDetection] {
        var remaining = detections.sorted { $0.score > $1.score }
        var result: [PoseDetection] = []
        while let best = remaining.first {
            let group = remaining.filter { $0.box.intersectionOverUnion(best.box) > suppressionThreshold }
            let rest = remaining.filter { $0.box.intersectionOverUnion(best.box) <= suppressionThreshold }
            result.append(weightedMean(group.isEmpty ? [best] : group, score: best.score))
            // A box without area overlaps nothing, itself included: the calculator stops there, and so do we.
            if rest.count == remaining.count { break }
            remaining = rest
        }
        return result
    }

    private static func weightedMean(_ group: [PoseDetection], score: Float) -> PoseDetection {
        let total = group.reduce(0) { $0 + $1.score }
        func mean(_ value: (PoseDetection) -> Float) -> Float {
            group.reduce(0) { $0 + value($1) * $1.score } / total
        }
        let left = mean { $0.box.x }
        let top = mean { $0.box.y }
        let right = mean { $0.box.x + $0.box.width }
        let bottom = mean { $0.box.y + $0.box.height }
        return PoseDetection(
            score: score, box: BoundingBox(x: left, y: top, width: right - left, height: bottom - top),
            points: group[0].points.indices.map { index in
                Point(x: mean { $0.points[index].x }, y: mean { $0.points[index].y })
            })
    }
}
