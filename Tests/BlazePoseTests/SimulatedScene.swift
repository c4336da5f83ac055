internal import BlazePose
internal import Foundation

/// A made-up world in place of the networks: bodies that move, and things that only look like one.
///
/// Its pictures carry the number of their frame, from which follows who is where, and a check pattern, so that nothing in
/// them is of one colour like a shadow unless it is meant to be.
final class SimulatedScene: PoseInference {
    struct Body {
        /// Frames in which it can be seen.
        var frames: Range<Int>
        var size: Float = 120
        var rotation: Float = 0
        /// The detector overlooks it unless the crop is at most this many pixels wide.
        var visibleWithin: Float = .infinity
        var center: (Int) -> Point

        func region(at frame: Int) -> PoseRegion? {
            let center = center(frame)
            return frames.contains(frame)
                ? PoseRegion(centerX: center.x, centerY: center.y, size: size, rotation: rotation) : nil
        }
    }

    /// Something that the detector takes for a person.
    enum Ghost {
        /// The landmark model does not.
        case rejected(Point)
        /// The landmark model does too, but sees something else in each crop.
        case unstable(Point)

        var place: Point {
            switch self {
            case .rejected(let place), .unstable(let place): place
            }
        }
    }

    static let width = 640
    static let height = 360
    var bodies: [Body] = []
    var ghosts: [Ghost] = []
    /// Whether detections can be begun before they are wanted.
    var looksAhead = false
    /// How often they were, and how often they were not wanted.
    private(set) var begun = 0
    private(set) var cancelled = 0
    private(set) var detectorRuns: [Int] = []
    private(set) var landmarkRuns: [Int] = []

    func forgetRuns() {
        detectorRuns = []
        landmarkRuns = []
    }

    /// The picture of a frame.
    ///
    /// - Parameter even: columns of one colour.
    static func image(_ frame: Int, even: Range<Int> = 0..<0) throws -> RGBImage {
        var pixels = [UInt8](repeating: 0, count: 3 * width * height)
        for y in 0..<height {
            for x in 0..<width where !even.contains(x) && (x / 8 + y / 8).isMultiple(of: 2) {
                pixels[3 * (y * width + x)] = 200
            }
        }
        pixels[0] = UInt8(frame % 256)
        pixels[1] = UInt8(frame / 256)
        return try RGBImage(width: width, height: height, pixels: pixels)
    }

    private func frame(of image: RGBImage) -> Int { image.withUnsafeBytes { Int($0[0]) + 256 * Int($0[1]) } }

    func detections(in crops: [Crop], threshold: Float) throws -> [[PoseDetection]] {
        detectorRuns.append(crops.count)
        return crops.map { crop in
            let frame = frame(of: crop.image)
            let seen = bodies.filter { crop.region.size <= $0.visibleWithin }.compactMap { $0.region(at: frame) }
            let imagined = ghosts.map { PoseRegion(centerX: $0.place.x, centerY: $0.place.y, size: 100) }
            return (seen + imagined).filter { within($0.center, crop.region) }.map { region in
                let points = alignment(region)
                return PoseDetection(
                    score: 0.9, box: BoundingBox(x: region.centerX, y: region.centerY, width: 10, height: 10),
                    points: [points.hips, points.scale, points.hips, points.scale])
            }
        }
    }

    func startDetections(in crops: [Crop], threshold: Float) -> (any DetectionsAhead)? {
        guard looksAhead else { return nil }
        begun += 1
        return Ahead(scene: self, crops: crops, threshold: threshold)
    }

    private struct Ahead: DetectionsAhead {
        let scene: SimulatedScene
        let crops: [Crop]
        let threshold: Float

        func value() throws -> [[PoseDetection]] { try scene.detections(in: crops, threshold: threshold) }

        func cancel() { scene.cancelled += 1 }
    }

    func estimates(in crops: [Crop]) throws -> [PoseEstimate] {
        landmarkRuns.append(crops.count)
        return crops.map { crop in
            let frame = frame(of: crop.image)
            let near = bodies.compactMap { $0.region(at: frame) }.filter { shows($0, crop.region) }
            if let body = near.min(by: { distance($0, crop) < distance($1, crop) }) {
                return pose(body, score: 0.95, crop)
            }
            for case .unstable(let place) in ghosts where within(place, crop.region) {
                let shifted = Point(x: place.x + crop.region.size * 0.3, y: place.y)
                return pose(PoseRegion(centerX: shifted.x, centerY: shifted.y, size: 70), score: 0.9, crop)
            }
            return pose(crop.region, score: 0.1, crop)
        }
    }

    private func distance(_ body: PoseRegion, _ crop: Crop) -> Float {
        body.center.distance(to: crop.region.center)
    }

    private func within(_ point: Point, _ region: PoseRegion) -> Bool {
        let unit = region.toUnit(point)
        return unit.x >= 0 && unit.x < 1 && unit.y >= 0 && unit.y < 1
    }

    /// The landmark model copes with a body that is a bit beside the middle, a bit too large or small, a bit turned.
    private func shows(_ body: PoseRegion, _ crop: PoseRegion) -> Bool {
        body.center.distance(to: crop.center) < 0.25 * crop.size && body.size < 1.5 * crop.size
            && crop.size < 1.5 * body.size && abs(PoseRegion.normalized(body.rotation - crop.rotation)) < 0.5
    }

    private func alignment(_ region: PoseRegion) -> (hips: Point, scale: Point) {
        let reach = region.size / PoseRegion.margin / 2
        return (
            hips: region.center,
            scale: region.center + Point(x: reach * sin(region.rotation), y: -reach * cos(region.rotation))
        )
    }

    private func pose(_ body: PoseRegion, score: Float, _ crop: Crop) -> PoseEstimate {
        let map = body.toPixels
        let landmarks = (0..<33).map { index in
            Landmark(
                position: map(Point(x: 0.35 + 0.1 * Float(index % 4), y: 0.15 + 0.7 * Float(index) / 32)), depth: 0,
                visibility: 1, presence: 1)
        }
        return PoseEstimate(
            score: score, landmarks: landmarks, world: [SIMD3<Float>](repeating: .zero, count: 33),
            alignment: alignment(body), region: crop.region)
    }
}
