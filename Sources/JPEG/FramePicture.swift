internal import Synchronization

/// A frame's picture, decoded no finer than somebody looks at it.
///
/// Each size is decoded once, by whoever asks for it first, on any thread. What is asked for changes no pixel of what else is
/// asked for, so nothing depends on who is ahead.
package final class FramePicture: Sendable {
    /// Of the upright picture at full size, in pixels.
    package let width: Int
    /// Of the upright picture at full size, in pixels.
    package let height: Int

    private let decode: @Sendable (DecodeScale) throws(JPEGError) -> DecodedImage
    private let sizes: Mutex<Sizes>

    private struct Sizes {
        var images: [DecodeScale: DecodedImage] = [:]
        var firstWanted: DecodeScale?
    }

    /// A JPEG that is decoded when it is looked at.
    ///
    /// - Parameters:
    ///   - header: what `JPEGHeader.check` found.
    ///   - decode: decodes it at one size; called once a size.
    package init(
        header: JPEGHeader, decode: @escaping @Sendable (DecodeScale) throws(JPEGError) -> DecodedImage
    ) {
        width = header.width
        height = header.height
        self.decode = decode
        sizes = Mutex(Sizes())
    }

    /// Pixels that are there already: whatever size is asked for, it is theirs.
    package init(_ image: DecodedImage) {
        precondition(image.scale == .full, "a reduced image in place of the picture")
        width = image.width
        height = image.height
        decode = { _ in image }
        sizes = Mutex(Sizes())
    }

    /// The size that was asked for first; nil while none was.
    package var firstWanted: DecodeScale? { sizes.withLock { $0.firstWanted } }

    /// The picture at a size; `image.scale` says which, for pixels that were no JPEG have only one.
    ///
    /// - Throws: `JPEGError` where it cannot be decoded.
    package func image(_ scale: DecodeScale) throws(JPEGError) -> DecodedImage {
        try sizes.withLock { sizes throws(JPEGError) in
            if sizes.firstWanted == nil { sizes.firstWanted = scale }
            return try image(scale, &sizes)
        }
    }

    /// Decodes a size that will probably be asked for.
    package func prepare(_ scale: DecodeScale) throws(JPEGError) {
        try sizes.withLock { sizes throws(JPEGError) in _ = try image(scale, &sizes) }
    }

    private func image(_ scale: DecodeScale, _ sizes: inout Sizes) throws(JPEGError) -> DecodedImage {
        if let image = sizes.images[scale] { return image }
        let image = try decode(scale)
        sizes.images[scale] = image
        return image
    }
}
