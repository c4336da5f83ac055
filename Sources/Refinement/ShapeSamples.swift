/// SMPL shapes of one track, evenly spread over its time, at most 64 of them.
struct ShapeSamples {
    private(set) var samples: [(betas: [Float], weight: Float)] = []
    /// Every so many observations one is kept; doubled whenever there are too many.
    private var spacing = 1
    private var seen = 0

    private static let most = 64

    /// Takes the shape of the next observation.
    mutating func add(_ betas: [Float], weight: Float) {
        defer { seen += 1 }
        guard seen.isMultiple(of: spacing), betas.allSatisfy(\.isFinite), weight.isFinite else { return }
        if samples.count == Self.most {
            samples = stride(from: 0, to: samples.count, by: 2).map { samples[$0] }
            spacing *= 2
            guard seen.isMultiple(of: spacing) else { return }
        }
        samples.append((betas, max(weight, 1e-3)))
    }

    /// The one shape of a person that was seen in several tracks: a mean in which what lies far off counts little. A body
    /// does not change; what a frame's shape differs by is the frame's error, and some frames (half hidden, bent) err a lot.
    ///
    /// Source: P. W. Holland, R. E. Welsch, "Robust regression using iteratively reweighted least-squares", 1977, with Cauchy's
    /// weights; the scale is the median distance from the mean.
    ///
    /// - Returns: nil where there is none.
    static func mean(of tracks: [ShapeSamples]) -> [Float]? {
        var samples: [(betas: [Float], weight: Float)] = []
        for track in tracks {
            // A sample stands for as many observations as its track keeps one of.
            samples += track.samples.map { ($0.betas, $0.weight * Float(track.spacing)) }
        }
        guard let count = samples.first?.betas.count, count > 0 else { return nil }
        samples.removeAll { $0.betas.count != count }
        var weights = samples.map { Double($0.weight) }
        // From the median: a mean may begin among the outliers.
        var mean = (0..<count).map { index in samples.map { Double($0.betas[index]) }.sorted()[samples.count / 2] }
        for _ in 0..<20 {
            let distances = samples.map { sample in
                (0..<count).reduce(0.0) { sum, index in
                    let step = Double(sample.betas[index]) - mean[index]
                    return sum + step * step
                }.squareRoot()
            }
            let usual = distances.sorted()[distances.count / 2]
            if usual > 0 {
                for index in weights.indices {
                    let far = distances[index] / usual
                    weights[index] = Double(samples[index].weight) / (1 + far * far)
                }
            }
            let total = weights.reduce(0, +)
            for index in 0..<count {
                mean[index] = zip(samples, weights).reduce(0) { $0 + Double($1.0.betas[index]) * $1.1 } / total
            }
        }
        return mean.map(Float.init)
    }
}
