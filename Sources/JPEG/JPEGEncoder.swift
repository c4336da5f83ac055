internal import CJPEG

/// Encodes pixels as baseline JPEG.
package struct JPEGEncoder: Sendable {
    /// The order of the channels in memory.
    package enum Channels: Sendable {
        case rgb
        case bgr
    }

    /// 1 (smallest) … 100 (best).
    package var quality: Int
    /// Stores colour at half resolution (4:2:0), as cameras do.
    package var subsamplesColour: Bool
    package var limits: JPEGLimits

    package init(quality: Int = 90, subsamplesColour: Bool = true, limits: JPEGLimits = JPEGLimits()) {
        self.quality = quality
        self.subsamplesColour = subsamplesColour
        self.limits = limits
    }

    /// Encodes rows of three bytes a pixel without padding between them.
    ///
    /// - Throws: `JPEGError` if the bytes do not fit the shape or the shape breaks the limits.
    package func encode(
        _ pixels: UnsafeRawBufferPointer, width: Int, height: Int, channels: Channels = .rgb
    ) throws(JPEGError) -> [UInt8] {
        try checkRawSize(pixels.count, width: width, height: height, limits: limits)
        try checkSides(width, height)
        var options = cjpeg_encode_options(
            width: Int32(width), height: Int32(height), stride: 3 * width, is_bgr: channels == .bgr ? 1 : 0,
            quality: Int32(min(max(quality, 1), 100)), subsample: subsamplesColour ? 1 : 0)
        return try encoded { encoded, count, text in
            cjpeg_encode(pixels.bindMemory(to: UInt8.self).baseAddress, &options, &encoded, &count, text)
        }
    }

    /// Encodes a decoded image.
    package func encode(_ image: DecodedImage) throws(JPEGError) -> [UInt8] {
        try image.withUnsafeBytes { (pixels) throws(JPEGError) in
            try encode(pixels, width: image.width, height: image.height)
        }
    }
}

/// Checks that a JPEG can be so large.
func checkSides(_ width: Int, _ height: Int) throws(JPEGError) {
    let longestSide = 65_500  // libjpeg's JPEG_MAX_DIMENSION
    guard width <= longestSide, height <= longestSide else {
        throw JPEGError(.tooLarge, "\(width)×\(height) pixels, a JPEG's sides end at \(longestSide)")
    }
}

/// The bytes that a call of the C encoder hands over.
func encoded(
    _ encode: (inout UnsafeMutablePointer<UInt8>?, inout Int, UnsafeMutablePointer<CChar>?) -> cjpeg_status
) throws(JPEGError) -> [UInt8] {
    var message = JPEGMessage()
    var encoded: UnsafeMutablePointer<UInt8>?
    var count = 0
    let status = message.withBuffer { encode(&encoded, &count, $0) }
    try check(status, message)
    defer { cjpeg_free(encoded) }
    return Array(UnsafeBufferPointer(start: encoded, count: count))
}
