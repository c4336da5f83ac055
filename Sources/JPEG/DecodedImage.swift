/// An upright RGB image, 8 bits a channel, rows without padding, origin top left.
///
/// `@unchecked Sendable` because it is immutable: the pixels are written before the initialiser returns, only read
/// afterwards, and freed (or given back to the pool) when the last reference goes.
package final class DecodedImage: @unchecked Sendable {
    /// In pixels.
    package let width: Int
    package let height: Int
    /// What the picture's own size was divided by.
    package let scale: DecodeScale
    private let buffer: PixelBuffer
    private let pool: ImageBufferPool?

    /// Bytes from one row to the next: 3 × width.
    package var bytesPerRow: Int { 3 * width }
    /// Bytes of all rows.
    package var byteCount: Int { bytesPerRow * height }

    /// Makes an image by letting `fill` write every byte of it. Width and height are checked by the caller.
    init<Failure: Error>(
        width: Int, height: Int, scale: DecodeScale = .full, pool: ImageBufferPool?,
        fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let byteCount = 3 * width * height
        let buffer = pool?.take(bytes: byteCount) ?? PixelBuffer(capacity: byteCount)
        self.width = width
        self.height = height
        self.scale = scale
        self.buffer = buffer
        self.pool = pool
        // If this throws, deinit gives the buffer back: every stored property is set.
        try fill(UnsafeMutableRawBufferPointer(start: buffer.base, count: byteCount))
    }

    deinit {
        if let pool {
            pool.giveBack(buffer)
        } else {
            buffer.free()
        }
    }

    /// Reads the pixels: R, G, B bytes, row after row.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: buffer.base, count: byteCount))
    }
}

extension DecodedImage {
    /// Copies pixels that are already upright RGB, row after row without padding.
    package convenience init(
        rgb bytes: UnsafeRawBufferPointer, width: Int, height: Int, limits: JPEGLimits = JPEGLimits(),
        pool: ImageBufferPool? = nil
    ) throws(JPEGError) {
        try checkRawSize(bytes.count, width: width, height: height, limits: limits)
        self.init(width: width, height: height, pool: pool) { $0.copyMemory(from: bytes) }
    }
}

/// Checks that raw three-channel pixels are as many bytes as their shape says, within the limits.
func checkRawSize(_ count: Int, width: Int, height: Int, limits: JPEGLimits) throws(JPEGError) {
    let pixels = try checkShape(width: width, height: height, limits: limits)
    guard count == 3 * pixels else {
        throw JPEGError(.corrupt, "\(count) bytes of raw pixels, \(width)×\(height)×3 are \(3 * pixels)")
    }
}

/// Checks the shape of raw pixels.
///
/// - Returns: how many pixels it has.
func checkShape(width: Int, height: Int, limits: JPEGLimits) throws(JPEGError) -> Int {
    guard width > 0, height > 0 else { throw JPEGError(.corrupt, "raw pixels of \(width)×\(height)") }
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, pixels <= limits.pixels else {
        throw JPEGError(.tooLarge, "\(width)×\(height) raw pixels, the limit is \(limits.pixels) pixels")
    }
    return pixels
}
