internal import CPlans

/// A square of a picture with 8 bits a channel, red first, as floats.
package struct PictureCrop {
    private var crop: cplans_crop

    /// Describes the square.
    ///
    /// - Parameters:
    ///   - x: Where in the picture a pixel of the square is taken: by what it goes right for each column and each row, and
    ///     where it starts, in pixels.
    ///   - y: The same, downwards.
    ///   - side: Columns and rows of the square.
    ///   - isBlackOutside: What lies outside of the picture is 0, or else the nearest pixel of its edge.
    ///   - scale: What a byte is multiplied with, before `offset` is added.
    package init(
        width: Int, height: Int, bytesPerRow: Int, x: (column: Float, row: Float, start: Float),
        y: (column: Float, row: Float, start: Float), side: Int, isBlackOutside: Bool, scale: Float, offset: Float
    ) {
        crop = cplans_crop(
            pixels: nil, width: Int64(width), height: Int64(height), bytes_per_row: Int64(bytesPerRow), xx: x.column,
            xy: x.row, x: x.start, yx: y.column, yy: y.row, y: y.start, side: Int64(side),
            black: isBlackOutside ? 1 : 0, scale: scale, offset: offset)
    }

    /// Writes `side * side * 3` floats, row by row.
    ///
    /// - Precondition: both buffers are as large as the numbers say.
    package func write(from pixels: UnsafeRawBufferPointer, to output: UnsafeMutableBufferPointer<Float>) {
        let last = (crop.height - 1) * crop.bytes_per_row + 3 * crop.width
        precondition(
            crop.width > 0 && crop.height > 0 && pixels.count >= Int(last)
                && output.count >= Int(crop.side * crop.side * 3), "a crop of a picture that is smaller than it says")
        var crop = crop
        crop.pixels = pixels.baseAddress?.assumingMemoryBound(to: UInt8.self)
        cplans_crop_picture(&crop, output.baseAddress)
    }
}
