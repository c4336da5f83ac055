internal import Foundation

/// Where a person is going at one end of a track, and how sure that is: place and size as straight lines in time, fitted to
/// the observations at that end, with the uncertainty of both the fit and of what a person may do meanwhile.
///
/// Lengths are in heights of the person, so near and far ones are alike; size is the logarithm of the height.
struct EndMotion {
    /// The person's height in pixels.
    let height: Double
    /// The end's own time, seconds.
    let time: Double
    private let x, y, size: LineFit

    /// A person's speed, one standard deviation, in heights a second: walking is 0.8, running 2 to 4.
    private static let speed = 1.0
    /// The same for the size: walking towards a camera 2 m away.
    private static let growth = 0.5
    /// What persons who go on as they were change their speed by, as a part of those who do not.
    private static let steadiness = 0.2
    /// Boxes are not better than this, in heights.
    private static let boxNoise = 0.01
    /// …and their heights depend on the pose: arms go up, knees bend.
    private static let sizeNoise = 0.03

    /// An end of a track.
    ///
    /// - Parameters:
    ///   - places: near that end, in order of time.
    ///   - atStart: whether it is the beginning.
    init(_ places: [Place], atStart: Bool, _ timeBase: TimeBase) {
        let heights = places.map { Double($0.height) }.sorted()
        let height = max(heights[heights.count / 2], 1)
        let times = places.map { timeBase.seconds($0.tick) }
        let end = atStart ? times[0] : times[times.count - 1]
        let ages = times.map { $0 - end }
        self.height = height
        time = end
        x = LineFit(
            ages, places.map { Double($0.x) / height }, leastNoise: Self.boxNoise, slope: Self.speed)
        y = LineFit(
            ages, places.map { Double($0.y) / height }, leastNoise: Self.boxNoise, slope: Self.speed)
        size = LineFit(
            ages, places.map { log(max(Double($0.height), 1)) }, leastNoise: Self.sizeNoise, slope: Self.growth)
    }

    /// The logarithm of how much better this end explains another track's end than chance does, were it one person: the density
    /// of the prediction over that of somebody who appears anywhere in the picture with any size.
    ///
    /// - Parameter picture: width and height of the picture in pixels.
    func evidence(for other: EndMotion, picture: SIMD2<Double>) -> Double {
        // Persons mostly go on as they were, and now and then do something else: half and half.
        let steady = evidence(for: other, picture: picture, agility: Self.steadiness)
        let agile = evidence(for: other, picture: picture, agility: 1)
        return max(steady, agile) + log((1 + exp(-abs(steady - agile))) / 2)
    }

    private func evidence(for other: EndMotion, picture: SIMD2<Double>, agility: Double) -> Double {
        let interval = other.time - time
        let scale = other.height / height
        let seen = (x: other.x.value(at: 0), y: other.y.value(at: 0), size: other.size.value(at: 0))
        var evidence = 0.0
        for (fit, there, scale, room, drift) in [
            (x, seen.x, scale, picture.x / height, Self.speed), (y, seen.y, scale, picture.y / height, Self.speed),
            (size, seen.size, 1, Self.sizes, Self.growth),
        ] {
            let expected = fit.value(at: interval)
            let step = there.mean * scale - expected.mean
            // What changes its speed by `drift` within a second, at random, is so far off after a while.
            let wandered = pow(agility * drift, 2) * abs(interval * interval * interval) / 3
            let variance = expected.variance + there.variance * scale * scale + wandered
            evidence += log(room / (2 * .pi * variance).squareRoot()) - step * step / (2 * variance)
        }
        return evidence
    }

    /// The sizes that persons in one picture may have, from a tenth of it to all of it, in the logarithm.
    private static let sizes = log(10.0)
}

/// A straight line through values in time, and how sure it is: Bayesian linear regression with a normal prior on the slope, so
/// that even one value has a line, of unknown slope (C. M. Bishop, "Pattern recognition and machine learning", 3.3).
struct LineFit {
    private let offset, slope: Double
    private let offsetVariance, slopeVariance, covariance: Double

    /// - Parameters:
    ///   - times: seconds from the end.
    ///   - leastNoise: the standard deviation of the values is not below this.
    ///   - slope: the standard deviation of slopes before anything is seen.
    init(_ times: [Double], _ values: [Double], leastNoise: Double, slope prior: Double) {
        var squares: [Double] = []
        for index in values.indices.dropFirst().dropLast() {
            let line = NoiseScale.line(times[index - 1], times[index], times[index + 1])
            let residual = values[index] - values[index - 1] * line.left - values[index + 1] * line.right
            squares.append(residual * residual / (line.scale * line.scale))
        }
        let measured = squares.isEmpty ? 0 : squares.reduce(0, +) / Double(squares.count)
        let noise = max(leastNoise * leastNoise, measured)
        let count = Double(values.count)
        let sumT = times.reduce(0, +)
        let sumTT = times.reduce(0) { $0 + $1 * $1 }
        let sumV = values.reduce(0, +)
        let sumTV = zip(times, values).reduce(0) { $0 + $1.0 * $1.1 }
        // Precision matrix [[a b] [b c]] of offset and slope.
        let (a, b, c) = (count / noise, sumT / noise, sumTT / noise + 1 / (prior * prior))
        let determinant = a * c - b * b
        (offsetVariance, slopeVariance, covariance) = (c / determinant, a / determinant, -b / determinant)
        offset = (c * sumV - b * sumTV) / (noise * determinant)
        slope = (a * sumTV - b * sumV) / (noise * determinant)
    }

    /// The value at a time and its variance.
    func value(at time: Double) -> (mean: Double, variance: Double) {
        (offset + slope * time, offsetVariance + time * (2 * covariance + time * slopeVariance))
    }
}
