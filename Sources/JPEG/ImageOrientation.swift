/// How a stored image has to be turned to be upright: the EXIF orientation tag (0x0112).
package enum ImageOrientation: UInt8, Sendable, CaseIterable {
    case up = 1
    case mirrored = 2
    case upsideDown = 3
    case mirroredUpsideDown = 4
    case transposed = 5
    /// The camera was turned: the stored image needs a quarter turn clockwise.
    case turnClockwise = 6
    case transverse = 7
    case turnCounterclockwise = 8

    /// Whether the upright width is the stored height.
    package var swapsSides: Bool { rawValue >= 5 }
}

extension ImageOrientation {
    /// Reads the orientation out of an APP1 segment (without marker and length). Nil if it is not EXIF or has no
    /// orientation; a damaged EXIF block costs its orientation, not the image.
    ///
    /// Source: EXIF 2.3, section 4.6 (TIFF header, image file directory 0).
    init?(app1 segment: UnsafeRawBufferPointer) {
        guard segment.count >= 14, segment.prefix(6).elementsEqual([0x45, 0x78, 0x69, 0x66, 0, 0]) else { return nil }
        let tiff = UnsafeRawBufferPointer(rebasing: segment[6...])
        let bigEndian: Bool
        switch (tiff[0], tiff[1]) {
        case (0x4D, 0x4D): bigEndian = true
        case (0x49, 0x49): bigEndian = false
        default: return nil
        }
        func integer(at offset: Int, bytes: Int) -> Int? {
            guard offset >= 0, offset + bytes <= tiff.count else { return nil }
            var value = 0
            for i in 0..<bytes {
                value = value << 8 | Int(tiff[offset + (bigEndian ? i : bytes - 1 - i)])
            }
            return value
        }
        guard integer(at: 2, bytes: 2) == 42, let directory = integer(at: 4, bytes: 4),
            let entries = integer(at: directory, bytes: 2)
        else { return nil }
        let orientationTag = 0x0112
        let shortType = 3
        for entry in 0..<entries {
            let offset = directory + 2 + 12 * entry
            guard let tag = integer(at: offset, bytes: 2) else { return nil }
            guard tag == orientationTag else { continue }
            guard integer(at: offset + 2, bytes: 2) == shortType, let value = integer(at: offset + 8, bytes: 2) else {
                return nil
            }
            self.init(rawValue: UInt8(truncatingIfNeeded: value))
            return
        }
        return nil
    }
}
