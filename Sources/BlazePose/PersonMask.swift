internal import Foundation

/// Which pixels belong to a person: 256 × 256 values over a region of the picture.
public struct PersonMask: Sendable {
    /// Number of values along each side.
    public static let side = 256
    /// The part of the picture that the mask covers; the first value lies at its top left corner.
    public let region: PoseRegion
    /// Logits in sixteenths, row by row: positive inside the person.
    private let values: [Int8]

    /// From the landmark model's segmentation logits, 256 × 256.
    package init(logits: UnsafeBufferPointer<Float>, region: PoseRegion) {
        precondition(logits.count == PersonMask.side * PersonMask.side)
        self.region = region
        values = [Int8](unsafeUninitializedCapacity: logits.count) { buffer, count in
            for index in 0..<logits.count {
                // Rounded upwards from zero, so that what is positive stays so.
                let scaled = min(max(logits[index] * 16, -127), 127)
                buffer[index] = Int8(scaled > 0 ? scaled.rounded(.up) : scaled)
            }
            count = logits.count
        }
    }

    /// Probability, 0…1, that the pixel at (x, y) of the picture belongs to the person; zero outside the region.
    public func probability(atX x: Float, y: Float) -> Float {
        let unit = region.toUnit(Point(x: x, y: y))
        guard unit.x >= 0, unit.y >= 0, unit.x < 1, unit.y < 1 else { return 0 }
        let column = Int(unit.x * Float(PersonMask.side))
        let row = Int(unit.y * Float(PersonMask.side))
        return 1 / (1 + exp(-Float(values[row * PersonMask.side + column]) / 16))
    }

    /// Box around the person's pixels, in the picture; nil when hardly any are within reach of the landmarks.
    ///
    /// Only pixels near the landmarks count: within their own extent in the region, grown by a fifth of it, so that a
    /// neighbour or a patch of background does not stretch the box.
    package func boundingBox(near landmarks: [Landmark]) -> BoundingBox? {
        let toUnit = region.toUnit
        guard let extent = BoundingBox(around: landmarks.lazy.map { toUnit($0.position) }) else { return nil }
        let reach = extent.expanded(by: PersonMask.reach * max(extent.width, extent.height))
        let side = Float(PersonMask.side)
        func cell(_ value: Float) -> Int { Int(min(max(value * side, 0), side)) }
        let columns = cell(reach.x)..<max(cell(reach.x), cell(reach.x + reach.width))
        let rows = cell(reach.y)..<max(cell(reach.y), cell(reach.y + reach.height))
        var count = 0
        var ends: [Point] = []
        ends.reserveCapacity(2 * rows.count)
        values.withUnsafeBufferPointer { values in
            for row in rows {
                // The extremes of a row are enough: between them nothing reaches further in any direction.
                var first = -1
                var last = -1
                for column in columns where values[row * PersonMask.side + column] > 0 {
                    if first < 0 { first = column }
                    last = column
                    count += 1
                }
                guard first >= 0 else { continue }
                let y = (Float(row) + 0.5) / side
                ends.append(Point(x: (Float(first) + 0.5) / side, y: y))
                ends.append(Point(x: (Float(last) + 0.5) / side, y: y))
            }
        }
        guard count >= PersonMask.leastPixels else { return nil }
        let toPixels = region.toPixels
        return BoundingBox(around: ends.lazy.map { toPixels($0) })
    }

    private static let reach: Float = 0.2
    private static let leastPixels = 64
}
