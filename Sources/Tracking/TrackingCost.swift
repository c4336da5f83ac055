internal import Foundation

/// How unlikely it is that a detection is a track's person: the negative logarithm of the probabilities of appearance,
/// pose, location and nearness, put together as one product.
///
/// Source: PHALP (Rajasegaran et al., CVPR 2022, equations 3 to 6) as published in `external/deep_sort_/nn_matching.py`, with
/// its two sets of constants, `EQ_010` and `EQ_019` (the default).
package struct TrackingCost: Sendable, Equatable {
    /// Weight of the squared distance of appearances.
    package var appearance: Double
    /// Weight of the squared distance of poses.
    package var pose: Double
    /// Scale of the distance in the image.
    package var location: Double
    /// Scale of the logarithm of the ratio of distances from the camera.
    package var nearness: Double
    /// Beyond this, poses do not differ more.
    package var poseLimit: Double

    /// The published default.
    package static let equation019 = TrackingCost(
        appearance: 4.0536, pose: 1.3070, location: 0.3792, nearness: 4.1658, poseLimit: 1.5)
    /// The other published set.
    package static let equation010 = TrackingCost(
        appearance: 3.8303, pose: 1.5207, location: 0.4930, nearness: 4.5831, poseLimit: 1.2)
    /// `equation010` in the first frame of a shot: where somebody was says nothing any more.
    package static let equation010AtShot = TrackingCost(
        appearance: 7.8303, pose: 1.5207, location: .infinity, nearness: .infinity, poseLimit: 1.2)

    /// Where a track's person is expected.
    package struct Expectation: Sendable, Equatable {
        /// As `TrackTerms.location`.
        package var location: SIMD2<Double>
        /// As z of `TrackTerms.camera`.
        package var nearness: Double
        /// How far off the two parts of `location` may be.
        package var locationInterval: SIMD2<Double>
        /// How far off the logarithm of `nearness` may be, as its exponential.
        package var nearnessInterval: Double
        /// As `TrackTerms.pose`.
        package var pose: [Float]
    }

    /// The cost of one pair, at least 1.
    ///
    /// - Parameter appearanceDistance: as `TrackingModel.distances` gives it.
    package func callAsFunction<Appearance>(
        _ expected: Expectation, _ found: TrackTerms<Appearance>, appearanceDistance: Double
    ) -> Double {
        let offset = expected.location - found.location
        let distance = (offset.x * offset.x + offset.y * offset.y).squareRoot()
        let reach = expected.locationInterval
        let uncertainty = (reach.x * reach.x + reach.y * reach.y).squareRoot()

        let ratio = expected.nearness / found.camera.z
        let depth = -log(ratio > 1 ? 1 / ratio : ratio)
        let depthUncertainty = abs(log(1 / expected.nearnessInterval))

        let cost =
            (1 + appearanceDistance * appearance)
            * (1 + min(Self.squaredDistance(expected.pose, found.pose), poseLimit) * pose)
            * exp(distance / (0.1 + tanh(uncertainty)) / location)
            * exp(depth / (0.1 + tanh(depthUncertainty)) / nearness)
        // As the source: an expectation without any idea of its own certainty excludes nothing.
        return cost.isNaN ? 0 : cost
    }

    /// Of two vectors of equal length.
    ///
    /// In 32 sums at once: one alone would wait for itself at each of an embedding's thousands of numbers, and be less exact.
    package static func squaredDistance(_ a: [Float], _ b: [Float]) -> Double {
        typealias Lanes = SIMD8<Float>
        let count = min(a.count, b.count)
        let block = 4 * Lanes.scalarCount
        let whole = count - count % block
        var sums = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                @inline(__always) func square(_ place: Int) -> Lanes {
                    let offset = MemoryLayout<Float>.stride * place
                    let difference =
                        a.loadUnaligned(fromByteOffset: offset, as: Lanes.self)
                        - b.loadUnaligned(fromByteOffset: offset, as: Lanes.self)
                    return difference * difference
                }
                for place in stride(from: 0, to: whole, by: block) {
                    sums.0 += square(place)
                    sums.1 += square(place + Lanes.scalarCount)
                    sums.2 += square(place + 2 * Lanes.scalarCount)
                    sums.3 += square(place + 3 * Lanes.scalarCount)
                }
            }
        }
        var sum = ((sums.0 + sums.1) + (sums.2 + sums.3)).sum()
        for place in whole..<count { sum += (a[place] - b[place]) * (a[place] - b[place]) }
        return Double(sum)
    }
}
