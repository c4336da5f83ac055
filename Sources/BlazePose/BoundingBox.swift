/// An upright rectangle in pixels of the picture, origin top left.
public struct BoundingBox: Sendable, Equatable {
    /// Left edge.
    public var x: Float
    /// Top edge.
    public var y: Float
    /// Width, to the right.
    public var width: Float
    /// Height, downwards.
    public var height: Float

    /// A box from its top left corner and its size.
    public init(x: Float, y: Float, width: Float, height: Float) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// The smallest box around `points`; nil without points.
    package init?(around points: some Sequence<Point>) {
        var low = Point(x: .infinity, y: .infinity)
        var high = Point(x: -.infinity, y: -.infinity)
        for point in points {
            low = Point(x: min(low.x, point.x), y: min(low.y, point.y))
            high = Point(x: max(high.x, point.x), y: max(high.y, point.y))
        }
        guard low.x <= high.x, low.y <= high.y else { return nil }
        self.init(x: low.x, y: low.y, width: high.x - low.x, height: high.y - low.y)
    }

    /// Area in square pixels.
    public var area: Float { width * height }

    /// Middle of the box.
    package var center: Point { Point(x: x + width / 2, y: y + height / 2) }

    /// Intersection over union with `other`, 0…1.
    public func intersectionOverUnion(_ other: BoundingBox) -> Float {
        let overlapWidth = min(x + width, other.x + other.width) - max(x, other.x)
        let overlapHeight = min(y + height, other.y + other.height) - max(y, other.y)
        guard overlapWidth > 0, overlapHeight > 0 else { return 0 }
        let overlap = overlapWidth * overlapHeight
        let union = area + other.area - overlap
        return union > 0 ? overlap / union : 0
    }

    /// The box grown by `margin` pixels on every side.
    package func expanded(by margin: Float) -> BoundingBox {
        BoundingBox(x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin)
    }

    /// The part of the box inside a picture of the given size (possibly of no area).
    package func clipped(width imageWidth: Int, height imageHeight: Int) -> BoundingBox {
        let left = min(max(x, 0), Float(imageWidth))
        let top = min(max(y, 0), Float(imageHeight))
        let right = min(max(x + width, left), Float(imageWidth))
        let bottom = min(max(y + height, top), Float(imageHeight))
        return BoundingBox(x: left, y: top, width: right - left, height: bottom - top)
    }
}
