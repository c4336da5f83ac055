/// A size that the decoder reaches without computing the full one: a JPEG's blocks of 8 × 8 frequencies have 4 × 4, 2 × 2 and
/// 1 × 1 pixels in them too.
package enum DecodeScale: Int32, Sendable, CaseIterable, Comparable {
    case full = 1
    case half = 2
    case quarter = 4
    case eighth = 8

    /// A larger picture before a smaller one.
    package static func < (left: DecodeScale, right: DecodeScale) -> Bool { left.rawValue < right.rawValue }

    /// The least of these sizes that shows as much as somebody can see who takes one pixel in `pitch` of the full size, along
    /// each side.
    package init(pitch: Float) {
        self = DecodeScale.allCases.last { Float($0.rawValue) <= pitch } ?? .full
    }

    /// Pixels of the full size that one pixel is the mean of, along each side.
    package var reduction: Int { Int(rawValue) }

    /// The length of a side that has `length` pixels at full size.
    package func applied(to length: Int) -> Int {
        (length + reduction - 1) / reduction
    }
}
