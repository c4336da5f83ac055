/// A decoded picture: upright, 8 bits a channel, red first, origin top left.
///
/// It is measured in pixels of its full size, of which the bytes may hold fewer: means of two by two, four by four or eight by eight.
///
/// The bytes are a view of memory that `owner` keeps alive, so a decoder's buffer reaches the networks without a copy.
public struct RGBImage: @unchecked Sendable {
    // Sendable although it holds a pointer: the bytes behind it are never written while an image exists
    // (the initialisers' condition), and `owner` frees them only after the last image.

    /// Width in pixels.
    public let width: Int
    /// Height in pixels.
    public let height: Int
    /// Pixels of which one is held, along each side: 1, 2, 4 or 8.
    package let reduction: Int
    /// Distance in bytes from the beginning of one row to the beginning of the next.
    public let bytesPerRow: Int
    private let base: UnsafeRawPointer
    private let byteCount: Int
    private let owner: AnyObject
    /// The same picture at the largest reduction that is at most so much; nil where there is no other.
    private let reduced: (@Sendable (Float) throws -> RGBImage)?

    /// Pixels held in a row.
    package var heldWidth: Int { (width + reduction - 1) / reduction }
    /// Rows held.
    package var heldHeight: Int { (height + reduction - 1) / reduction }

    /// A view of pixels that belong to somebody else.
    ///
    /// - Parameters:
    ///   - pixels: at least `(height - 1) * bytesPerRow + 3 * width` bytes.
    ///   - owner: keeps `pixels` alive and unchanged for as long as this image exists.
    /// - Throws: `BlazePoseError.image` when the numbers do not fit together.
    public init(
        width: Int, height: Int, bytesPerRow: Int, pixels: UnsafeRawBufferPointer, owner: AnyObject
    ) throws(BlazePoseError) {
        try self.init(
            width: width, height: height, reduction: 1, bytesPerRow: bytesPerRow, pixels: pixels, owner: owner,
            reduced: nil)
    }

    /// A view of some of a picture's pixels.
    ///
    /// - Parameters:
    ///   - width: of the whole picture at full size, as `height`.
    ///   - reduction: 1, 2, 4 or 8; rows hold a pixel for each of so many and one for what is left over.
    ///   - reduced: the same picture at the largest reduction that is at most so much, where there are several.
    /// - Throws: `BlazePoseError.image` when the numbers do not fit together.
    package init(
        width: Int, height: Int, reduction: Int, bytesPerRow: Int, pixels: UnsafeRawBufferPointer, owner: AnyObject,
        reduced: (@Sendable (Float) throws -> RGBImage)?
    ) throws(BlazePoseError) {
        self.width = width
        self.height = height
        self.reduction = reduction
        self.bytesPerRow = bytesPerRow
        self.owner = owner
        self.reduced = reduced
        byteCount = pixels.count
        guard width > 0, height > 0, reduction > 0, let base = pixels.baseAddress else {
            throw .image("no RGB pixels for a picture of \(width)x\(height)")
        }
        self.base = base
        guard bytesPerRow >= 3 * heldWidth, pixels.count >= (heldHeight - 1) * bytesPerRow + 3 * heldWidth else {
            throw .image(
                "\(heldWidth)x\(heldHeight) RGB pixels in rows of \(bytesPerRow) bytes do not fit "
                    + "\(pixels.count) bytes")
        }
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

    /// The picture with no less in it than somebody can see who takes one pixel in `pitch`, along each side.
    ///
    /// - Throws: what decoding throws.
    package func fine(enoughFor pitch: Float) throws -> RGBImage {
        guard let reduced, Float(reduction) > max(1, pitch) else { return self }
        return try reduced(pitch)
    }

    /// Calls `body` with the bytes, `heldHeight` rows; they are valid only until it returns.
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
