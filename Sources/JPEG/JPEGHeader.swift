/// What a JPEG says about itself, from a walk over all its markers, without decoding.
package struct JPEGHeader: Equatable, Sendable {
    /// Size as stored, before the orientation is applied, in pixels.
    package var storedWidth: Int
    package var storedHeight: Int
    /// 1 (grayscale) or 3.
    package var components: Int
    package var isProgressive: Bool
    package var scans: Int
    package var orientation: ImageOrientation
    /// Bytes from SOI to EOI inclusive; what follows in the file is padding or somebody's trailer.
    package var byteCount: Int

    /// Width of the upright image, in pixels.
    package var width: Int { orientation.swapsSides ? storedHeight : storedWidth }
    /// Height of the upright image, in pixels.
    package var height: Int { orientation.swapsSides ? storedWidth : storedHeight }
}

extension JPEGHeader {
    /// Checks a JPEG at the speed of a network: markers, size, kind, limits, and that it is complete.
    ///
    /// The whole file is walked from marker to marker, entropy-coded data included, because only so can a missing
    /// end and the number of scans be told from a thumbnail or a trailer that holds a JPEG of its own. The walk is
    /// a search for 0xFF bytes, linear in the file, which `limits.bytes` bounds. Damage inside the coded data that
    /// leaves the markers whole is found by the decoder only.
    package static func check(
        _ bytes: UnsafeRawBufferPointer, limits: JPEGLimits = JPEGLimits()
    ) throws(JPEGError) -> JPEGHeader {
        guard bytes.count <= limits.bytes else {
            throw JPEGError(.tooLarge, "\(bytes.count) bytes, the limit is \(limits.bytes)")
        }
        guard bytes.count > 0 else { throw JPEGError(.corrupt, "zero bytes") }
        var walk = MarkerWalk(bytes)
        guard walk.startsImage() else { throw JPEGError(.corrupt, "not a JPEG: it does not begin with FF D8") }

        var frame: JPEGFrame?
        var orientation: ImageOrientation?
        var scans = 0
        while true {
            switch try walk.next() {
            case .endOfImage:
                guard let frame, scans > 0 else { throw JPEGError(.corrupt, "no image before the end marker") }
                return JPEGHeader(
                    storedWidth: frame.width, storedHeight: frame.height, components: frame.components,
                    isProgressive: frame.isProgressive, scans: scans, orientation: orientation ?? .up,
                    byteCount: walk.offset)
            case .segment(Marker.app1, let segment):
                orientation = orientation ?? ImageOrientation(app1: segment)
            case .segment(let marker, let segment) where Marker.isStartOfFrame(marker):
                guard frame == nil else { throw JPEGError(.corrupt, "two frame headers") }
                frame = try JPEGFrame(marker: marker, segment: segment, limits: limits)
            case .segment(Marker.startOfScan, let segment):
                guard let frame else { throw JPEGError(.corrupt, "a scan before the frame header") }
                try frame.checkScan(segment)
                scans += 1
                guard scans <= limits.scans else {
                    throw JPEGError(.tooLarge, "more than \(limits.scans) scans")
                }
                walk.skipCodedData()
            case .segment(Marker.defineArithmetic, _):
                throw JPEGError(.unsupported, "arithmetic coding")
            case .segment:
                break
            }
        }
    }

    /// Checks a JPEG held in an array. See `check(_:limits:)`.
    package static func check(_ bytes: [UInt8], limits: JPEGLimits = JPEGLimits()) throws(JPEGError) -> JPEGHeader {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(JPEGError) in try check(buffer, limits: limits) }
        }
        return try result.get()
    }
}
