internal import Foundation

/// The 1€ filter: a low-pass filter whose cutoff rises with speed. Still things stay still, fast ones are followed.
///
/// Source: G. Casiez, N. Roussel, D. Vogel, "1€ Filter: a simple speed-based low-pass filter for noisy input in interactive
/// systems", CHI 2012, algorithms 1 and 2; for a vector its speed is its length, so that all coordinates lag alike.
public struct OneEuro: Sendable, Equatable, Codable {
    /// The cutoff of what stands still, in hertz: lower is steadier.
    public var minimumCutoff: Double
    /// What the cutoff rises by, in hertz for each unit a second of speed: higher lags less.
    public var beta: Double
    /// The cutoff of the speed itself, in hertz.
    public var derivativeCutoff: Double

    /// A filter's constants.
    public init(minimumCutoff: Double = 1, beta: Double = 5, derivativeCutoff: Double = 1) {
        self.minimumCutoff = minimumCutoff
        self.beta = beta
        self.derivativeCutoff = derivativeCutoff
    }

    /// The share of the way to the new value that a filter of a cutoff goes in an interval (equation 3 of the paper).
    static func weight(_ cutoff: Double, _ interval: Double) -> Double {
        1 / (1 + 1 / (2 * .pi * cutoff * interval))
    }

    /// The share of the way to a new value at a speed.
    func weight(speed: Double, _ interval: Double) -> Double {
        Self.weight(minimumCutoff + beta * speed, interval)
    }
}

/// A vector behind a `OneEuro` filter.
struct OneEuroVector: Sendable {
    private(set) var value: SIMD4<Double>
    private var raw: SIMD4<Double>
    private var speed = SIMD4<Double>.zero

    init(_ value: SIMD4<Double>) {
        self.value = value
        raw = value
    }

    /// The filtered value.
    ///
    /// - Parameters:
    ///   - unit: the length that counts as 1 in speeds, such as a person's height.
    ///   - confidence: 0 to 1; a value half as sure is followed half as fast.
    mutating func filter(
        _ new: SIMD4<Double>, _ filter: OneEuro, interval: Double, unit: Double, confidence: Double
    ) -> SIMD4<Double> {
        let slope = (new - raw) / (unit * interval)
        speed += (slope - speed) * (OneEuro.weight(filter.derivativeCutoff, interval) * confidence)
        let weight = filter.weight(speed: (speed * speed).sum().squareRoot(), interval)
        value += (new - value) * (weight * confidence)
        raw = new
        return value
    }
}

/// A rotation behind a `OneEuro` filter: steps and speeds are rotation vectors, in radians, and the filtered value goes along the
/// geodesic to the new one. So it is a rotation always, and no axis is special.
struct OneEuroRotation: Sendable {
    private(set) var value: Rotation
    private var raw: Rotation
    private var speed = SIMD3<Double>.zero

    init(_ value: Rotation) {
        self.value = value
        raw = value
    }

    /// The filtered rotation.
    mutating func filter(_ new: Rotation, _ filter: OneEuro, interval: Double) -> Rotation {
        speed += (raw.tangent(to: new) / interval - speed) * OneEuro.weight(filter.derivativeCutoff, interval)
        let weight = filter.weight(speed: (speed * speed).sum().squareRoot(), interval)
        value = value.interpolated(to: new, share: weight)
        raw = new
        return value
    }
}
