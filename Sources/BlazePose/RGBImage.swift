/// A decoded picture: upright, 8 bits a channel, red first, origin top left.
///
/// The bytes are a view of memory that `owner` keeps alive, so a decoder's buffer reaches the networks without a copy.
public struct RGBImage: @unchecked Sendable {
    // Sendable although it holds a pointer: the bytes behind it are never written while an image exists
    // (the initialisers' condition), and `owner` frees them only after the last image.

    /// Width in pixels.
    public let width: Int
    /// Height in pixels.
    public let height: Int
    /// Distance in bytes from the beginning of one row to the beginning of the next, at least `3 * width`.
    public let bytesPerRow: Int
    private let base: UnsafeRawPointer
    private let byteCount: Int
    private let owner: AnyObject

    /// A view of pixels that belong to somebody else.
    ///
    /// - Parameters:
    ///   - pixels: at least `(height - 1) * bytesPerRow + 3 * width` bytes.
    ///   - owner: keeps `pixels` alive and unchanged for as long as this image exists.
    /// - Throws: `BlazePoseError.image` when the numbers do not fit together.
    public init(
        width: Int, height: Int, bytesPerRow: Int, pixels: UnsafeRawBufferPointer, owner: AnyObject
    ) throws(BlazePoseError) {
        guard width > 0, height > 0, bytesPerRow >= 3 * width, let base = pixels.baseAddress,
            pixels.count >= (height - 1) * bytesPerRow + 3 * width
        else {
            throw .image(
                "\(width)x\(height) RGB pixels in rows of \(bytesPerRow) bytes do not fit \(pixels.count) bytes")
        }
        self.width = width
        self.height = height
        self.bytesPerRow = bytesPerRow
        self.base = base
        self.byteCount = pixels.count
        self.owner = owner
    }

    /// A picture of its own, copied from `pixels`: rows without padding, `3 * width * height` bytes.
    ///
    /// - Throws: `BlazePoseError.image` when `pixels` is too short.
    public init(width: Int, height: Int, pixels: [UInt8]) throws(BlazePoseError) {
        let storage = Storage(pixels)
        try self.init(
            width: width, height: height, bytesPerRow: 3 * width, pixels: UnsafeRawBufferPointer(storage.bytes),
            owner: storage)
    }

    /// Calls `body` with the bytes; they are valid only until it returns.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(owner) {
            try body(UnsafeRawBufferPointer(start: base, count: byteCount))
        }
    }

    private final class Storage {
        let bytes: UnsafeMutableRawBufferPointer

        init(_ pixels: [UInt8]) {
            bytes = .allocate(byteCount: max(1, pixels.count), alignment: 16)
            bytes.copyBytes(from: pixels)
        }

        deinit { bytes.deallocate() }
    }
}
