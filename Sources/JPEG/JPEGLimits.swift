/// What a JPEG may cost. Everything is checked before memory is allocated for it: 378 bytes can declare
/// 65500×65500 pixels, and 99 kB can hold a thousand scans that take seconds to decode.
package struct JPEGLimits: Equatable, Sendable {
    /// The largest file, in bytes.
    package var bytes: Int
    /// The largest image, in pixels (width × height).
    package var pixels: Int
    /// The most scans: progressive files in the wild have about ten.
    package var scans: Int

    package init(bytes: Int = 16 << 20, pixels: Int = 40_000_000, scans: Int = 100) {
        self.bytes = bytes
        self.pixels = pixels
        self.scans = scans
    }
}
