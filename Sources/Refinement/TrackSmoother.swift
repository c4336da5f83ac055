internal import Foundation

/// Smooths one observation by those around it, before and after.
///
/// Each vector is the local quadratic's value (`LocalKernel`) over the widest of several windows that the data allow: windows
/// grow as long as their results agree within their uncertainty, and stop where motion, a step or a peak begins to
/// contradict them. Still parts are averaged over many frames, fast ones hardly at all.
///
/// Source: A. Goldenshluger, A. Nemirovski, "On spatially adaptive estimation of nonparametric regression", 1997; V. Katkovnik,
/// "A new method for varying adaptive bandwidth selection", 1999: the intersection of confidence intervals (ICI).
///
/// Rotations are smoothed in the tangent space at the observation, and again at the result, which is their intrinsic
/// weighted mean (X. Pennec, "Intrinsic statistics on Riemannian manifolds", 2006) with a parabola in place of the constant.
final class TrackSmoother {
    private let bounds: SmoothingBounds
    private var kernels: [LocalKernel]
    private var noise = NoiseScale()
    private var tangents: [SIMD4<Double>] = []

    /// Frames on each side of the windows that are tried. Their variances fall by about a third from one to the next; finer
    /// steps cost time and gain nothing.
    private static let halfWidths = [2, 3, 5, 8, 12]
    /// What lies further off than this, in seconds, says nothing about a person's pose now.
    static let reach = 0.5
    /// How many standard deviations two windows may lie apart. Fewer leave more noise, more flatten what moves: of a walk with
    /// noise from a tenth to all of a keypoint's bound the error is least from 1 to 1.5, and a jump's top is kept to 1.3.
    private static let agreement = 1.2
    /// Noise is measured over so many observations on each side, once for so many: it changes slowly.
    private static let noiseReach = 30
    private static let noiseBlock = 16

    init(_ bounds: SmoothingBounds) {
        self.bounds = bounds
        kernels = Self.halfWidths.map { _ in LocalKernel() }
    }

    /// The smoothed numbers of an observation.
    func smoothed(_ segment: TrackSegment, at center: Int) -> BodyState {
        var state = segment.state(at: center)
        let windows = windows(segment, center)
        guard !windows.isEmpty else { return state }
        let noise = noise(segment, center)
        let limits = SmoothingLimits(bounds, segment, center)
        let layout = segment.layout
        let count = layout.points

        segment.times.withUnsafeBufferPointer { times in
            segment.points.withUnsafeBufferPointer { points in
                let steady = solve(times, center, windows) { _ in 1 }
                for point in 0..<BodyLayout.firstKeypoint {
                    let value = adapted(points, stride: count, point, center, noise.points[point], steady, own: 1)
                    state.points[point] = limits.bounded(value, from: state.points[point], point)
                }
                for keypoint in 0..<segment.keypoints {
                    let (usable, own) = solve(segment, keypoint, times, center, windows)
                    let two = keypoint < layout.keypoints2D ? BodyLayout.firstKeypoint + keypoint : nil
                    let three =
                        keypoint < layout.keypoints3D
                        ? BodyLayout.firstKeypoint + layout.keypoints2D + keypoint : nil
                    for point in [two, three] {
                        guard let point else { continue }
                        let value = adapted(points, stride: count, point, center, noise.points[point], usable, own: own)
                        state.points[point] = limits.bounded(value, from: state.points[point], point)
                    }
                }
            }
            guard layout.joints > 0 else { return }
            let steady = solve(times, center, windows) { _ in 1 }
            for joint in 0..<layout.joints {
                state.rotations[joint] = rotation(segment, joint, center, noise.joints[joint], steady)
            }
        }
        return state
    }

    // MARK: - Windows

    /// The windows around an observation, each wider than the one before.
    private func windows(_ segment: TrackSegment, _ center: Int) -> [ClosedRange<Int>] {
        let times = segment.times
        var windows: [ClosedRange<Int>] = []
        for half in Self.halfWidths {
            var low = max(0, center - half)
            var high = min(times.count - 1, center + half)
            while times[center] - times[low] > Self.reach { low += 1 }
            while times[high] - times[center] > Self.reach { high -= 1 }
            if high - low >= 3, windows.last != low...high { windows.append(low...high) }
        }
        return windows
    }

    /// Solves the kernels of all windows; returns which can be used.
    private func solve(
        _ times: UnsafeBufferPointer<Double>, _ center: Int, _ windows: [ClosedRange<Int>],
        confidence: (Int) -> Double
    ) -> [Int] {
        windows.indices.filter {
            kernels[$0].solve(times: times, center: center, range: windows[$0], confidence: confidence)
        }
    }

    /// The kernels for one keypoint's confidences, relative to their mean: the noise was measured at just these.
    private func solve(
        _ segment: TrackSegment, _ keypoint: Int, _ times: UnsafeBufferPointer<Double>, _ center: Int,
        _ windows: [ClosedRange<Int>]
    ) -> (usable: [Int], own: Double) {
        let stride = segment.keypoints
        return segment.confidences.withUnsafeBufferPointer { confidences in
            let widest = windows[windows.count - 1]
            var sum = 0.0
            for index in widest { sum += confidences[index * stride + keypoint] }
            let usual = Double(widest.count) / sum
            let usable = solve(times, center, windows) { confidences[$0 * stride + keypoint] * usual }
            return (usable, confidences[center * stride + keypoint] * usual)
        }
    }

    // MARK: - Vectors

    /// The value of a vector over the widest window that agrees with all narrower ones.
    ///
    /// - Parameters:
    ///   - sigma: the standard deviation of each coordinate's noise.
    ///   - own: the confidence of the observation itself.
    private func adapted(
        _ values: UnsafeBufferPointer<SIMD4<Double>>, stride: Int, _ point: Int, _ center: Int, _ sigma: SIMD4<Double>,
        _ usable: [Int], own: Double
    ) -> SIMD4<Double> {
        var value = values[center * stride + point]
        var variance = 1 / own
        let margin = sigma * Self.agreement
        // The narrowest claim is the observation's own.
        var (low, high) = (value - margin * variance.squareRoot(), value + margin * variance.squareRoot())
        for index in usable {
            let kernel = kernels[index]
            guard kernel.variance < variance else { continue }
            var sum = SIMD4<Double>.zero
            var place = kernel.first * stride + point
            for weight in kernel.weights {
                sum += values[place] * weight
                place += stride
            }
            let width = margin * kernel.variance.squareRoot()
            low = pointwiseMax(low, sum - width)
            high = pointwiseMin(high, sum + width)
            // Rounding must not part what is the same to the bit, such as the zeros of unused coordinates.
            if any(low .> high + 1e-9) { break }
            value = sum
            variance = kernel.variance
        }
        return value
    }

    // MARK: - Rotations

    private func rotation(
        _ segment: TrackSegment, _ joint: Int, _ center: Int, _ sigma: SIMD4<Double>, _ usable: [Int]
    ) -> Rotation {
        let stride = segment.layout.joints
        let observed = segment.rotations[center * stride + joint]
        guard let widest = usable.last else { return observed }
        var result = observed
        // Twice: the tangent space at the first result is flatter around it than that at the observation.
        for _ in 0..<2 {
            let range = kernels[widest].first..<kernels[widest].first + kernels[widest].weights.count
            tangents.removeAll(keepingCapacity: true)
            tangents.append(contentsOf: repeatElement(.zero, count: range.lowerBound))
            for index in range {
                let tangent = result.tangent(to: segment.rotations[index * stride + joint])
                tangents.append(SIMD4(tangent, 0))
            }
            let step = tangents.withUnsafeBufferPointer {
                adapted($0, stride: 1, 0, center, sigma, usable, own: 1)
            }
            result = result * Rotation(exp: SIMD3(step.x, step.y, step.z))
        }
        let turn = observed.tangent(to: result)
        let angle = (turn * turn).sum().squareRoot()
        let limit = bounds.degrees * .pi / 180
        return angle <= limit ? result : observed * Rotation(exp: turn * (limit / angle))
    }

    // MARK: - Noise

    private func noise(_ segment: TrackSegment, _ center: Int) -> (points: [SIMD4<Double>], joints: [SIMD4<Double>]) {
        let block = (segment.left + center) / Self.noiseBlock
        if let noise = segment.noise, noise.block == block { return (noise.points, noise.joints) }
        let low = max(2, center - Self.noiseReach)
        let range = low..<max(low, min(segment.count - 2, center + Self.noiseReach + 1))
        let cubics = range.map { NoiseScale.cubic(segment.times, at: $0) }
        var points: [SIMD4<Double>] = []
        let count = segment.layout.points
        for point in 0..<count {
            for (index, cubic) in zip(range, cubics) {
                let place = index * count + point
                var residual = segment.points[place]
                residual -= segment.points[place - 2 * count] * cubic.weights.x
                residual -= segment.points[place - count] * cubic.weights.y
                residual -= segment.points[place + count] * cubic.weights.z
                residual -= segment.points[place + 2 * count] * cubic.weights.w
                noise.add(residual / cubic.scale)
            }
            points.append(noise.take())
        }
        var joints: [SIMD4<Double>] = []
        let stride = segment.layout.joints
        for joint in 0..<stride {
            for (index, cubic) in zip(range, cubics) {
                let place = index * stride + joint
                let here = segment.rotations[place]
                // In the tangent space here the value itself is zero.
                var residual = here.tangent(to: segment.rotations[place - 2 * stride]) * cubic.weights.x
                residual += here.tangent(to: segment.rotations[place - stride]) * cubic.weights.y
                residual += here.tangent(to: segment.rotations[place + stride]) * cubic.weights.z
                residual += here.tangent(to: segment.rotations[place + 2 * stride]) * cubic.weights.w
                noise.add(SIMD4(residual / cubic.scale, 0))
            }
            joints.append(noise.take())
        }
        segment.noise = (points, joints, block)
        return (points, joints)
    }
}
