/// The weights by which the values around a moment give the local quadratic's value there: a least-squares parabola through
/// them, near ones counting more.
///
/// Source: W. S. Cleveland, "Robust locally weighted regression and smoothing scatterplots", 1979, with its tricube weights.
/// For even times and equal weights it is the filter of Savitzky and Golay (1964). It looks both ways in time, so it
/// moves nothing in time (zero phase), and being a parabola it keeps the height of a peak that a mean would flatten.
struct LocalKernel {
    /// The first value that counts.
    private(set) var first = 0
    /// One weight a value, from `first`.
    private(set) var weights: [Double] = []
    /// The variance of the result where each value has variance 1 over its confidence.
    private(set) var variance = Double.infinity

    /// Computes the weights.
    ///
    /// - Parameters:
    ///   - times: of all values, rising, seconds.
    ///   - center: which value's moment is asked for.
    ///   - range: the values that count.
    ///   - confidence: how much each value counts besides, above 0; 1 is usual.
    /// - Returns: false where the values do not carry a parabola.
    mutating func solve(
        times: UnsafeBufferPointer<Double>, center: Int, range: ClosedRange<Int>,
        confidence: (Int) -> Double
    ) -> Bool {
        let now = times[center]
        let reach = max(times[range.upperBound] - now, now - times[range.lowerBound])
        guard range.count >= 4, reach > 0 else { return false }
        // A little wider than the furthest value, which would count nothing else.
        let bandwidth = reach * Double(range.count + 1) / Double(range.count - 1)
        first = range.lowerBound
        weights.removeAll(keepingCapacity: true)
        var (s0, s1, s2, s3, s4) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for index in range {
            let t = (times[index] - now) / bandwidth
            let cube = 1 - abs(t * t * t)
            let weight = cube * cube * cube * confidence(index)
            weights.append(weight)
            s0 += weight
            s1 += weight * t
            s2 += weight * t * t
            s3 += weight * t * t * t
            s4 += weight * t * t * t * t
        }
        // The first row of the inverse of the normal equations' matrix [[s0 s1 s2] [s1 s2 s3] [s2 s3 s4]].
        let c0 = s2 * s4 - s3 * s3
        let c1 = s2 * s3 - s1 * s4
        let c2 = s1 * s3 - s2 * s2
        let determinant = s0 * c0 + s1 * c1 + s2 * c2
        guard determinant > 1e-12 * s0 * s2 * s4 else { return false }
        variance = 0
        for offset in weights.indices {
            let t = (times[first + offset] - now) / bandwidth
            let weight = weights[offset] * (c0 + t * (c1 + t * c2)) / determinant
            weights[offset] = weight
            variance += weight * weight / confidence(first + offset)
        }
        return true
    }
}
