internal import Plans

/// Cuts a rotated square out of a picture and writes it as a network's input.
///
/// Source: MediaPipe `calculators/tensor/image_to_tensor_converter_opencv.cc`: the region's corners map to the corners
/// (0, 0) … (side, side) of the crop, so crop pixel (i, j) is taken at unit coordinates (i / side, j / side), bilinear,
/// and bytes are mapped linearly to the network's range.
package enum ImageWarp {
    /// What lies beyond the picture's edges.
    package enum Border: Sendable {
        /// The nearest pixel of the edge (the landmark model's input).
        case replicate
        /// Black (the detector's input: the letterbox).
        case zero
    }

    /// Fills `output` with `side * side * 3` floats, row by row, red first: `byte * scale + offset`.
    ///
    /// - Precondition: `output.count >= side * side * 3`.
    package static func sample(
        _ image: RGBImage, region: PoseRegion, side: Int, border: Border, scale: Float, offset: Float,
        into output: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(output.count >= side * side * 3, "the crop needs \(side * side * 3) floats")
        let map = region.toPixels
        let step = 1 / Float(side)
        image.withUnsafeBytes { bytes in
            PictureCrop(
                width: image.width, height: image.height, bytesPerRow: image.bytesPerRow,
                x: (map.xx * step, map.xy * step, map.x), y: (map.yx * step, map.yy * step, map.y), side: side,
                isBlackOutside: border == .zero, scale: scale, offset: offset
            ).write(from: bytes, to: output)
        }
    }
}
