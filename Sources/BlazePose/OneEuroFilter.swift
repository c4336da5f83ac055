internal import Foundation

/// A low-pass filter whose cutoff rises with speed: still points stay still, fast ones are followed.
///
/// Source: MediaPipe `util/filtering/one_euro_filter.cc` and `low_pass_filter.cc` (Casiez et al., "1€ Filter").
package struct OneEuroFilter: Sendable {
    package var minimumCutoff: Float
    package var beta: Float
    package var derivativeCutoff: Float
    private var value: Float?
    private var rawValue: Float = 0
    private var derivative: Float = 0

    package init(minimumCutoff: Float, beta: Float, derivativeCutoff: Float) {
        self.minimumCutoff = minimumCutoff
        self.beta = beta
        self.derivativeCutoff = derivativeCutoff
    }

    /// The filtered value.
    ///
    /// - Parameters:
    ///   - interval: seconds since the last value, above zero.
    ///   - scale: turns a distance into a part of the object's size, so that near and far objects are alike.
    package mutating func callAsFunction(_ raw: Float, interval: Float, scale: Float) -> Float {
        guard let last = value else {
            value = raw
            rawValue = raw
            return raw
        }
        let slope = (raw - rawValue) * scale / interval
        derivative += OneEuroFilter.weight(derivativeCutoff, interval) * (slope - derivative)
        let filtered = last + OneEuroFilter.weight(minimumCutoff + beta * abs(derivative), interval) * (raw - last)
        value = filtered
        rawValue = raw
        return filtered
    }

    private static func weight(_ cutoff: Float, _ interval: Float) -> Float {
        1 / (1 + 1 / (2 * .pi * cutoff) / interval)
    }
}

/// Steadies the two alignment points from which the next region is made.
///
/// Source: MediaPipe `modules/pose_landmark/pose_landmark_filtering.pbtxt`, the auxiliary landmarks; it is always on.
/// The object's size is the body region without its margin.
package struct AlignmentFilter: Sendable {
    private var filters = [OneEuroFilter](
        repeating: OneEuroFilter(minimumCutoff: 0.01, beta: 10, derivativeCutoff: 1), count: 4)

    package init() {}

    package mutating func callAsFunction(
        _ alignment: (hips: Point, scale: Point), interval: Float
    ) -> (hips: Point, scale: Point) {
        let size = 2 * alignment.hips.distance(to: alignment.scale)
        // The source returns points as they are when the object is smaller than this.
        guard size >= 1e-6 else { return alignment }
        return (
            hips: Point(
                x: filters[0](alignment.hips.x, interval: interval, scale: 1 / size),
                y: filters[1](alignment.hips.y, interval: interval, scale: 1 / size)),
            scale: Point(
                x: filters[2](alignment.scale.x, interval: interval, scale: 1 / size),
                y: filters[3](alignment.scale.y, interval: interval, scale: 1 / size))
        )
    }
}
