internal import CJPEG

extension DecodedImage {
    /// Decodes a JPEG to upright RGB: EXIF orientation applied, grayscale expanded.
    ///
    /// Damage that libjpeg would paper over with grey (a truncated file, a broken Huffman code) is an error.
    ///
    /// - Parameters:
    ///   - bytes: the file; a trailer after the end of the image is ignored.
    ///   - scale: width and height are divided by 1, 2, 4 or 8 and rounded up.
    ///   - limits: checked before anything is allocated, and the scans again while decoding.
    ///   - pool: where the pixels' buffer comes from and goes back to.
    /// - Throws: `JPEGError` with the reason of the drop.
    package convenience init(
        jpeg bytes: UnsafeRawBufferPointer, scale: DecodeScale = .full, limits: JPEGLimits = JPEGLimits(),
        pool: ImageBufferPool? = nil
    ) throws(JPEGError) {
        try self.init(
            jpeg: bytes, header: JPEGHeader.check(bytes, limits: limits), scale: scale, limits: limits, pool: pool)
    }

    /// Decodes a JPEG that has been checked. See `init(jpeg:scale:limits:pool:)`.
    package convenience init(
        jpeg bytes: UnsafeRawBufferPointer, header: JPEGHeader, scale: DecodeScale, limits: JPEGLimits,
        pool: ImageBufferPool?
    ) throws(JPEGError) {
        precondition(header.byteCount <= bytes.count, "the header of another JPEG")
        let width = scale.applied(to: header.width)
        let height = scale.applied(to: header.height)
        var options = cjpeg_decode_options(
            width: Int32(header.storedWidth), height: Int32(header.storedHeight),
            scale_denominator: scale.rawValue, orientation: Int32(header.orientation.rawValue),
            max_scans: Int32(clamping: limits.scans))
        try self.init(width: width, height: height, scale: scale, pool: pool) { (pixels) throws(JPEGError) in
            var message = JPEGMessage()
            let status = message.withBuffer { text in
                cjpeg_decode(
                    bytes.bindMemory(to: UInt8.self).baseAddress, header.byteCount, &options,
                    pixels.bindMemory(to: UInt8.self).baseAddress, 3 * width, pixels.count, text)
            }
            try check(status, message)
        }
    }

    /// Decodes a JPEG held in an array. See `init(jpeg:scale:limits:pool:)`.
    package static func decode(
        _ bytes: [UInt8], scale: DecodeScale = .full, limits: JPEGLimits = JPEGLimits(), pool: ImageBufferPool? = nil
    ) throws(JPEGError) -> DecodedImage {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(JPEGError) in
                try DecodedImage(jpeg: buffer, scale: scale, limits: limits, pool: pool)
            }
        }
        return try result.get()
    }

    /// Copies raw B, G, R pixels (imagezmq's `uint8` height × width × 3) as RGB.
    package convenience init(
        bgr bytes: UnsafeRawBufferPointer, width: Int, height: Int, limits: JPEGLimits = JPEGLimits(),
        pool: ImageBufferPool? = nil
    ) throws(JPEGError) {
        try checkRawSize(bytes.count, width: width, height: height, limits: limits)
        self.init(width: width, height: height, pool: pool) { pixels in
            cjpeg_bgr_to_rgb(
                bytes.bindMemory(to: UInt8.self).baseAddress, pixels.bindMemory(to: UInt8.self).baseAddress,
                width * height)
        }
    }
}

/// Room for the sentence that a C call leaves behind.
struct JPEGMessage {
    private var bytes = [CChar](repeating: 0, count: Int(CJPEG_MESSAGE_CAPACITY))

    mutating func withBuffer<Result>(_ body: (UnsafeMutablePointer<CChar>?) -> Result) -> Result {
        bytes.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }

    var text: String {
        String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Throws what a C call reported.
func check(_ status: cjpeg_status, _ message: JPEGMessage) throws(JPEGError) {
    switch status {
    case CJPEG_OK: return
    case CJPEG_UNSUPPORTED: throw JPEGError(.unsupported, message.text)
    case CJPEG_TOO_LARGE: throw JPEGError(.tooLarge, message.text)
    default: throw JPEGError(.corrupt, message.text)
    }
}
