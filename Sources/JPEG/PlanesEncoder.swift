internal import CJPEG

/// Encodes planes of luma and chroma, as video has them, as baseline JPEG of 4:2:0, without resampling.
package struct PlanesEncoder: Sendable {
    /// MPEG-1's quantiser scale, 1 (best) … 31 (smallest). What ffmpeg's option `-q:v` says of MJPEG.
    package var scale: Int
    package var limits: JPEGLimits

    package init(scale: Int = 2, limits: JPEGLimits = JPEGLimits()) {
        self.scale = scale
        self.limits = limits
    }

    /// Encodes a picture.
    ///
    /// - Parameters:
    ///   - planes: Y of `width` × `height`, then Cb and Cr of half of both, rounded up; rows without padding.
    ///   - isFullRange: whether samples go from 0 to 255, as in a JPEG; otherwise luma goes from 16 to 235 and chroma from 16 to
    ///     240 (ITU-R BT.601), and is widened.
    /// - Throws: `JPEGError` if the bytes do not fit the shape or the shape breaks the limits.
    package func encode(
        _ planes: UnsafeRawBufferPointer, width: Int, height: Int, isFullRange: Bool
    ) throws(JPEGError) -> [UInt8] {
        let expected = try Self.byteCount(width: width, height: height, limits: limits)
        guard planes.count == expected else {
            throw JPEGError(.corrupt, "\(planes.count) bytes of planes, \(width)×\(height) in 4:2:0 are \(expected)")
        }
        try checkSides(width, height)
        var options = cjpeg_planes_options(
            width: Int32(width), height: Int32(height), is_full_range: isFullRange ? 1 : 0,
            scale: Int32(min(max(scale, 1), 31)))
        return try encoded { encoded, count, text in
            cjpeg_encode_planes(planes.bindMemory(to: UInt8.self).baseAddress, &options, &encoded, &count, text)
        }
    }

    /// How many bytes the planes of a picture have.
    ///
    /// - Throws: `JPEGError` if the shape breaks the limits.
    package static func byteCount(
        width: Int, height: Int, limits: JPEGLimits = JPEGLimits()
    ) throws(JPEGError) -> Int {
        let pixels = try checkShape(width: width, height: height, limits: limits)
        return pixels + 2 * ((width + 1) / 2) * ((height + 1) / 2)
    }
}
