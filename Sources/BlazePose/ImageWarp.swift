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
    /// - Throws: where the picture has to be decoded finer for that, what decoding throws.
    /// - Precondition: `output.count >= side * side * 3`.
    package static func sample(
        _ image: RGBImage, region: PoseRegion, side: Int, border: Border, scale: Float, offset: Float,
        into output: UnsafeMutableBufferPointer<Float>
    ) throws {
        precondition(output.count >= side * side * 3, "the crop needs \(side * side * 3) floats")
        let image = try image.fine(enoughFor: region.size / Float(side))
        let map = region.toPixels
        // A held pixel lies in the middle of those it stands for.
        let held = 1 / Float(image.reduction)
        let middle = Float(image.reduction - 1) / 2
        let step = held / Float(side)
        image.withUnsafeBytes { bytes in
            PictureCrop(
                width: image.heldWidth, height: image.heldHeight, bytesPerRow: image.bytesPerRow,
                x: (map.xx * step, map.xy * step, (map.x - middle) * held),
                y: (map.yx * step, map.yy * step, (map.y - middle) * held), side: side,
                isBlackOutside: border == .zero, scale: scale, offset: offset
            ).write(from: bytes, to: output)
        }
    }
}
