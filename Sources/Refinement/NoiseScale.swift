/// How far neighbouring values of a series scatter, whatever it is that moves.
///
/// Source: T. Gasser, L. Sroka, C. Jennen-Steinmetz, "Residual variance and residual pattern in nonlinear regression", 1986:
/// each value against what its neighbours say of its moment, here by the cubic through two on each side, which motion as
/// fast as a swinging arm's leaves next to nothing of. The median instead of the mean, so that a jump or an outlier says
/// nothing about the rest.
struct NoiseScale {
    private var residuals: [[Double]] = [[], [], [], []]

    /// The share of the left and of the right neighbour in the line at the middle one's time, and what the residual's
    /// standard deviation is divided by to be that of one value.
    static func line(_ left: Double, _ middle: Double, _ right: Double) -> (left: Double, right: Double, scale: Double)
    {
        let span = right - left
        let (a, b) = ((right - middle) / span, (middle - left) / span)
        return (a, b, (1 + a * a + b * b).squareRoot())
    }

    /// The shares of the two neighbours on each side in the cubic's value at the middle one's time (Lagrange's polynomials), and
    /// what the residual's standard deviation is divided by to be that of one value.
    static func cubic(_ times: [Double], at index: Int) -> (weights: SIMD4<Double>, scale: Double) {
        let around = SIMD4(times[index - 2], times[index - 1], times[index + 1], times[index + 2])
        var weights = SIMD4<Double>(repeating: 1)
        for i in 0..<4 {
            for j in 0..<4 where j != i { weights[i] *= (times[index] - around[j]) / (around[i] - around[j]) }
        }
        return (weights, (1 + (weights * weights).sum()).squareRoot())
    }

    /// Adds one residual, divided by its scale.
    mutating func add(_ residual: SIMD4<Double>) {
        for index in 0..<4 { residuals[index].append(abs(residual[index])) }
    }

    /// The standard deviation of each coordinate's noise, and forgets what was added. Zero where too few were: nothing is then
    /// known to be noise.
    mutating func take() -> SIMD4<Double> {
        var scale = SIMD4<Double>.zero
        for index in 0..<4 {
            if residuals[index].count >= 5 {
                residuals[index].sort()
                // The median of the magnitudes of normal noise is 0.6745 of its standard deviation.
                scale[index] = residuals[index][residuals[index].count / 2] / 0.6745
            }
            residuals[index].removeAll(keepingCapacity: true)
        }
        return scale
    }
}
