package import Messages

/// The square in which 4D-Humans' network sees a person, and its weak-perspective camera there.
///
/// The bus carries the camera of the whole picture. The network's own scale and shift, which 4D-Humans' own programs work with, follow from
/// it by turning `cam_crop_to_full` (4D-Humans `hmr2/utils/renderer.py`) round.
package struct CropView: Sendable, Equatable {
    /// The middle of the square, pixels of the picture.
    package let center: SIMD2<Float>
    /// Its side, pixels of the picture.
    package let side: Float
    /// The camera's scale: half the square's side is `1 / scale` metres at the body.
    package let scale: Float
    /// The camera's shift right and down, metres.
    package let shift: SIMD2<Float>

    /// The square of a box and a camera.
    ///
    /// - Parameters:
    ///   - box: of the person, pixels.
    ///   - translation: of the body in the camera of the picture, metres.
    ///   - focalLength: of that camera, pixels.
    ///   - width: of the picture, pixels.
    ///   - height: of the picture, pixels.
    package init(box: BoundingBox, translation: SIMD3<Float>, focalLength: Float, width: Int, height: Int) {
        center = SIMD2(box.x + box.width / 2, box.y + box.height / 2)
        // The box grown to 192 : 256; the square has the longer side (`expand_to_aspect_ratio`).
        side = max(box.width * 256 / 192, box.height, 1)
        // How many pixels of the square half a metre stands for.
        let reach = translation.z == 0 ? 0 : 2 * focalLength / translation.z
        scale = reach / side
        let middle = SIMD2(Float(width), Float(height)) / 2
        shift =
            reach == 0
            ? .zero : SIMD2(translation.x, translation.y) - 2 * (center - middle) / reach
    }
}

/// The camera of a whole picture for bodies of which only points are known.
package enum CameraFit {
    /// The focal length that 4D-Humans takes where none is known, pixels.
    package static func standardFocalLength(width: Int, height: Int) -> Float {
        5000 / 256 * Float(max(width, height))
    }

    /// Where the body must stand so that its points are seen where they were seen: the least squares of what is wrong
    /// along the two axes of the picture, each point counted by its score.
    ///
    /// - Returns: metres; nil where the points do not say.
    package static func translation(
        of body: [SIMD3<Float>], seenAt pixels: [SIMD3<Float>], focalLength: Float, width: Int, height: Int
    ) -> SIMD3<Float>? {
        // f·(X + tx) = u·(Z + tz) and the same for y and v: linear in the translation.
        let f = Double(focalLength)
        var weights = 0.0
        var sumU = 0.0, sumV = 0.0, sumSquares = 0.0
        var right = SIMD3<Double>.zero
        for (point, pixel) in zip(body, pixels) {
            let weight = Double(min(max(pixel.z, 0), 1))
            guard weight > 0, pixel.x.isFinite, pixel.y.isFinite else { continue }
            let (u, v) = (Double(pixel.x) - Double(width) / 2, Double(pixel.y) - Double(height) / 2)
            let wrongX = u * Double(point.z) - f * Double(point.x)
            let wrongY = v * Double(point.z) - f * Double(point.y)
            weights += weight
            sumU += weight * u
            sumV += weight * v
            sumSquares += weight * (u * u + v * v)
            right += weight * SIMD3(f * wrongX, f * wrongY, -(u * wrongX + v * wrongY))
        }
        guard weights > 0 else { return nil }
        // | f²w  0    -f·Σu |        The first two rows are solved for tx and ty and put into the third.
        // | 0    f²w  -f·Σv | t = r
        // | -f·Σu -f·Σv Σuu |
        let rest = sumSquares - (sumU * sumU + sumV * sumV) / weights
        guard rest > 1e-6 else { return nil }
        let z = (right.z + (sumU * right.x + sumV * right.y) / (f * weights)) / rest
        guard z.isFinite, z > 0 else { return nil }
        let x = (right.x + f * sumU * z) / (f * f * weights)
        let y = (right.y + f * sumV * z) / (f * f * weights)
        return SIMD3(Float(x), Float(y), Float(z))
    }
}
