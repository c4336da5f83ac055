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
        guard let target = output.baseAddress else { return }
        let map = region.toPixels
        let step = 1 / Float(side)
        let stepX = map.xx * step
        let stepY = map.yx * step
        let black = SIMD4<Float>(repeating: offset)
        let factor = SIMD4<Float>(repeating: scale)
        image.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            let stride = image.bytesPerRow
            // A pixel is read as four bytes, so the fast path ends one column before the last.
            let fastWidth = Float(image.width - 2)
            let fastHeight = Float(image.height - 1)
            for row in 0..<side {
                let startX = map.xy * step * Float(row) + map.x
                let startY = map.yy * step * Float(row) + map.y
                var out = target + row * side * 3
                for column in 0..<side {
                    let x = startX + stepX * Float(column)
                    let y = startY + stepY * Float(column)
                    let value: SIMD4<Float>
                    if x >= 0, y >= 0, x < fastWidth, y < fastHeight {
                        let left = Int(x)
                        let top = Int(y)
                        let pointer = base + top * stride + left * 3
                        let fractionX = x - Float(left)
                        let fractionY = y - Float(top)
                        let above = blend(load(pointer), load(pointer + 3), fractionX)
                        let below = blend(load(pointer + stride), load(pointer + stride + 3), fractionX)
                        value = blend(above, below, fractionY)
                    } else {
                        value = slow(base, image, x, y, border)
                    }
                    let scaled = value * factor + black
                    out[0] = scaled.x
                    out[1] = scaled.y
                    out[2] = scaled.z
                    out += 3
                }
            }
        }
    }

    @inline(__always)
    private static func load(_ pointer: UnsafeRawPointer) -> SIMD4<Float> {
        let word = pointer.loadUnaligned(as: UInt32.self)
        return SIMD4<Float>(
            SIMD4<Int32>(
                truncatingIfNeeded: SIMD4<UInt32>(
                    word & 0xFF, (word >> 8) & 0xFF, (word >> 16) & 0xFF, 0)))
    }

    @inline(__always)
    private static func blend(_ first: SIMD4<Float>, _ second: SIMD4<Float>, _ fraction: Float) -> SIMD4<Float> {
        first + (second - first) * fraction
    }

    /// Bilinear with every neighbour checked against the edges; also finite for coordinates far outside.
    @inline(never)
    private static func slow(
        _ base: UnsafeRawPointer, _ image: RGBImage, _ x: Float, _ y: Float, _ border: Border
    ) -> SIMD4<Float> {
        let limit = Float(1 << 24)
        let boundedX = x.isNaN ? -limit : min(max(x, -limit), limit)
        let boundedY = y.isNaN ? -limit : min(max(y, -limit), limit)
        let left = Int(boundedX.rounded(.down))
        let top = Int(boundedY.rounded(.down))
        func pixel(_ column: Int, _ row: Int) -> SIMD4<Float> {
            if border == .zero, column < 0 || row < 0 || column >= image.width || row >= image.height { return .zero }
            let pointer =
                base + min(max(row, 0), image.height - 1) * image.bytesPerRow
                + min(max(column, 0), image.width - 1) * 3
            return SIMD4<Float>(
                Float(pointer.load(as: UInt8.self)), Float(pointer.load(fromByteOffset: 1, as: UInt8.self)),
                Float(pointer.load(fromByteOffset: 2, as: UInt8.self)), 0)
        }
        let fractionX = boundedX - Float(left)
        return blend(
            blend(pixel(left, top), pixel(left + 1, top), fractionX),
            blend(pixel(left, top + 1), pixel(left + 1, top + 1), fractionX), boundedY - Float(top))
    }
}
