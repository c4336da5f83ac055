/// The cameras of a crop: the network's own, weak perspective, and the ones it stands for.
///
/// Source: 4D-Humans `hmr2/models/hmr2.py` (`forward_step`), `hmr2/utils/renderer.py` (`cam_crop_to_full`).
package struct CropCamera: Sendable, Equatable {
    /// Scale, and the shift right and down in metres.
    package var scale: Float, x: Float, y: Float

    package init(scale: Float, x: Float, y: Float) {
        (self.scale, self.x, self.y) = (scale, x, y)
    }

    /// Where the body stands in a perspective camera that sees just the crop of 256 pixels, metres.
    package func translation(focalLength: Float) -> SIMD3<Float> {
        SIMD3(x, y, 2 * focalLength / (Float(PersonCrop.size) * scale + 1e-9))
    }

    /// Where the body stands in the camera of the full picture, metres.
    ///
    /// - Parameters:
    ///   - crop: the square that the network saw.
    ///   - width: of the picture, pixels.
    ///   - height: of the picture, pixels.
    ///   - focalLength: of the picture's camera, pixels.
    package func translation(in crop: PersonCrop, width: Int, height: Int, focalLength: Float) -> SIMD3<Float> {
        let side = crop.side * scale + 1e-9
        return SIMD3(
            2 * (crop.centerX - Float(width) / 2) / side + x, 2 * (crop.centerY - Float(height) / 2) / side + y,
            2 * focalLength / side)
    }

    /// The focal length of a picture that is not known better: that of the crop, scaled to the longer side.
    package static func standardFocalLength(_ cropFocalLength: Float, width: Int, height: Int) -> Float {
        cropFocalLength / Float(PersonCrop.size) * Float(max(width, height))
    }

    /// A point of the body's frame in the picture, pixels.
    package static func project(
        _ point: SIMD3<Float>, translation: SIMD3<Float>, focalLength: Float, width: Int, height: Int
    ) -> SIMD2<Float> {
        let seen = point + translation
        return SIMD2(
            focalLength * seen.x / seen.z + Float(width) / 2, focalLength * seen.y / seen.z + Float(height) / 2)
    }
}
