internal import Foundation

/// A point in pixels, x to the right, y downwards.
package struct Point: Sendable, Equatable {
    package var x: Float
    package var y: Float

    package init(x: Float, y: Float) {
        self.x = x
        self.y = y
    }

    package func distance(to other: Point) -> Float {
        ((x - other.x) * (x - other.x) + (y - other.y) * (y - other.y)).squareRoot()
    }

    package static func + (left: Point, right: Point) -> Point { Point(x: left.x + right.x, y: left.y + right.y) }
    package static func - (left: Point, right: Point) -> Point { Point(x: left.x - right.x, y: left.y - right.y) }
    package static func * (left: Point, factor: Float) -> Point { Point(x: left.x * factor, y: left.y * factor) }
}

/// A square region of interest in the picture, possibly rotated and possibly reaching over its edges.
///
/// Its own coordinates, "unit coordinates", run from (0, 0) at its top left corner to (1, 1) at its bottom right one.
public struct PoseRegion: Sendable, Equatable {
    /// Middle, in pixels.
    public var centerX: Float
    /// Middle, in pixels.
    public var centerY: Float
    /// Length of a side, in pixels.
    public var size: Float
    /// Clockwise rotation, in radians: a person upright in the region leans to the right in the picture when positive.
    public var rotation: Float

    /// A region from its middle, side and clockwise rotation.
    public init(centerX: Float, centerY: Float, size: Float, rotation: Float = 0) {
        self.centerX = centerX
        self.centerY = centerY
        self.size = size
        self.rotation = rotation
    }

    package var center: Point { Point(x: centerX, y: centerY) }

    /// The region of a person, from the two points that detector and landmark model give for it: the middle of the
    /// hips, and a point whose distance and direction from it encode the body's size and inclination.
    ///
    /// The square's side is twice that distance, and a quarter more, the margin the landmark model was trained with.
    /// Source: MediaPipe `calculators/util/alignment_points_to_rects_calculator.cc`, `detections_to_rects_calculator.cc`
    /// (target angle 90°), `rect_transformation_calculator.cc`, as set up in
    /// `modules/pose_landmark/pose_detection_to_roi.pbtxt` and `pose_landmarks_to_roi.pbtxt`.
    package init(hips: Point, scale: Point) {
        let angle = Float.pi / 2 - atan2(-(scale.y - hips.y), scale.x - hips.x)
        self.init(
            centerX: hips.x, centerY: hips.y, size: 2 * hips.distance(to: scale) * PoseRegion.margin,
            rotation: PoseRegion.normalized(angle))
    }

    /// The square around a whole picture, as `ImageToTensorCalculator` letterboxes it with `keep_aspect_ratio`.
    package init(letterboxing image: RGBImage) {
        self.init(
            centerX: Float(image.width) / 2, centerY: Float(image.height) / 2,
            size: Float(max(image.width, image.height)))
    }

    package static let margin: Float = 1.25

    /// The same angle within -π ..< π.
    package static func normalized(_ angle: Float) -> Float {
        angle - 2 * .pi * ((angle + .pi) / (2 * .pi)).rounded(.down)
    }

    /// From unit coordinates to pixels of the picture.
    /// Source: `GetRotatedSubRectToRectTransformMatrix` in MediaPipe `calculators/tensor/image_to_tensor_utils.cc`.
    package var toPixels: Affine {
        let cosine = cos(rotation) * size
        let sine = sin(rotation) * size
        return Affine(
            xx: cosine, xy: -sine, x: centerX - 0.5 * cosine + 0.5 * sine,
            yx: sine, yy: cosine, y: centerY - 0.5 * cosine - 0.5 * sine)
    }

    /// From pixels of the picture to unit coordinates.
    package var toUnit: Affine {
        let cosine = cos(rotation) / size
        let sine = sin(rotation) / size
        return Affine(
            xx: cosine, xy: sine, x: 0.5 - cosine * centerX - sine * centerY,
            yx: -sine, yy: cosine, y: 0.5 + sine * centerX - cosine * centerY)
    }

    /// Whether two regions are about one and the same body: centres within a quarter of the larger side, sizes within a
    /// factor of two.
    package func coincides(with other: PoseRegion) -> Bool {
        center.distance(to: other.center) < 0.25 * max(size, other.size)
            && size < 2 * other.size && other.size < 2 * size
    }

    package func scaled(by factor: Float) -> PoseRegion {
        PoseRegion(centerX: centerX, centerY: centerY, size: size * factor, rotation: rotation)
    }

    package func rotated(by angle: Float) -> PoseRegion {
        PoseRegion(centerX: centerX, centerY: centerY, size: size, rotation: PoseRegion.normalized(rotation + angle))
    }

    package func moved(to center: Point) -> PoseRegion {
        PoseRegion(centerX: center.x, centerY: center.y, size: size, rotation: rotation)
    }
}

/// A plane affine map: `x' = xx*x + xy*y + x`, `y' = yx*x + yy*y + y`.
package struct Affine: Sendable {
    package var xx: Float
    package var xy: Float
    package var x: Float
    package var yx: Float
    package var yy: Float
    package var y: Float

    package init(xx: Float, xy: Float, x: Float, yx: Float, yy: Float, y: Float) {
        self.xx = xx
        self.xy = xy
        self.x = x
        self.yx = yx
        self.yy = yy
        self.y = y
    }

    package func callAsFunction(_ point: Point) -> Point {
        Point(x: xx * point.x + xy * point.y + x, y: yx * point.x + yy * point.y + y)
    }
}
