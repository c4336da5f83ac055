internal import Foundation

/// One number of a track, such as its place, as a straight line in time, and how sure that is.
///
/// Source: PHALP (Rajasegaran et al., CVPR 2022, section 3.3) `trackers/PHALP.py` `forward_for_tracking` and
/// `utils/utils.py` `get_prediction_interval`: ridge regression on time whose intercept is not penalised, and the 95 %
/// prediction interval of an ordinary regression around it.
package struct RidgeForecast: Sendable, Equatable {
    /// The expected value.
    package var value: Double
    /// Half the width of the interval that holds the true value with 95 %; not a number where all times are equal.
    package var interval: Double

    /// Fits a line and reads it at a time.
    ///
    /// - Parameters:
    ///   - times: of the observations, in any unit; at least three.
    ///   - values: one a time.
    ///   - penalty: ridge's alpha, on the square of the slope.
    ///   - time: where the line is read.
    package init(times: [Double], values: [Double], penalty: Double, at time: Double) {
        precondition(times.count == values.count && times.count > 2, "a forecast needs three observations")
        let count = Double(times.count)
        let meanTime = times.reduce(0, +) / count
        let meanValue = values.reduce(0, +) / count
        var spread = 0.0
        var product = 0.0
        for (t, y) in zip(times, values) {
            spread += (t - meanTime) * (t - meanTime)
            product += (t - meanTime) * (y - meanValue)
        }
        let slope = product / (spread + penalty)
        func line(_ t: Double) -> Double { meanValue + slope * (t - meanTime) }
        let squares = zip(times, values).reduce(0) { $0 + ($1.1 - line($1.0)) * ($1.1 - line($1.0)) }
        let deviation = (squares / (count - 2)).squareRoot()
        value = line(time)
        interval =
            StudentT.quantile975(degreesOfFreedom: times.count - 2) * deviation
            * (1 + 1 / count + (time - meanTime) * (time - meanTime) / spread).squareRoot()
    }
}

/// Student's t distribution.
enum StudentT {
    /// The value below which lie 97.5 %, for few degrees of freedom.
    ///
    /// Numerically, from the distribution function, once a degree; the tables in books have four digits.
    static func quantile975(degreesOfFreedom: Int) -> Double {
        degreesOfFreedom <= table.count ? table[degreesOfFreedom - 1] : solve(degreesOfFreedom)
    }

    private static let table = (1...16).map(solve)

    private static func solve(_ degrees: Int) -> Double {
        var (low, high) = (1.9, 13.0)
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if distribution(middle, degrees) < 0.975 { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// Abramowitz and Stegun 26.7.3 and 26.7.4: a finite sum for whole degrees of freedom.
    private static func distribution(_ t: Double, _ degrees: Int) -> Double {
        let angle = atan(t / Double(degrees).squareRoot())
        let cosine = cos(angle)
        var sum = 0.0
        if degrees.isMultiple(of: 2) {
            var term = 1.0
            for k in stride(from: 0, through: degrees - 2, by: 2) {
                if k > 0 { term *= Double(k - 1) / Double(k) * cosine * cosine }
                sum += term
            }
            return 0.5 + sin(angle) * sum / 2
        }
        var term = cosine
        for k in stride(from: 1, through: degrees - 2, by: 2) {
            if k > 1 { term *= Double(k - 1) / Double(k) * cosine * cosine }
            sum += term
        }
        return 0.5 + (angle + sin(angle) * sum) / .pi
    }
}
