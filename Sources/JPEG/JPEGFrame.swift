/// A frame header (SOF segment) that we decode. Source: ITU-T T.81, B.2.2.
struct JPEGFrame {
    let width: Int
    let height: Int
    let components: Int
    let isProgressive: Bool

    init(marker: UInt8, segment: UnsafeRawBufferPointer, limits: JPEGLimits) throws(JPEGError) {
        switch marker {
        case 0xC0, 0xC1: isProgressive = false
        case 0xC2: isProgressive = true
        case 0xC3: throw JPEGError(.unsupported, "lossless JPEG")
        case 0xC5...0xC7: throw JPEGError(.unsupported, "hierarchical JPEG")
        default: throw JPEGError(.unsupported, "arithmetic coding")
        }
        guard segment.count >= 6 else { throw JPEGError(.corrupt, "the frame header is too short") }
        let precision = segment[0]
        guard precision == 8 else { throw JPEGError(.unsupported, "\(precision) bits a channel, only 8 are decoded") }
        height = Int(segment[1]) << 8 | Int(segment[2])
        width = Int(segment[3]) << 8 | Int(segment[4])
        components = Int(segment[5])
        guard segment.count == 6 + 3 * components else {
            throw JPEGError(.corrupt, "the frame header's length does not fit its components")
        }
        guard width > 0, height > 0 else { throw JPEGError(.corrupt, "\(width)×\(height) pixels") }
        guard width * height <= limits.pixels else {
            throw JPEGError(.tooLarge, "\(width)×\(height) pixels, the limit is \(limits.pixels) pixels")
        }
        switch components {
        case 1, 3: break
        case 4: throw JPEGError(.unsupported, "CMYK or YCCK, convert it to RGB")
        default: throw JPEGError(.unsupported, "\(components) colour components")
        }
        for component in 0..<components {
            let sampling = segment[7 + 3 * component]
            guard 1...4 ~= sampling >> 4, 1...4 ~= sampling & 15 else {
                throw JPEGError(.corrupt, "impossible sampling factors")
            }
        }
    }

    /// Checks a scan header's shape against this frame. Source: ITU-T T.81, B.2.3.
    func checkScan(_ segment: UnsafeRawBufferPointer) throws(JPEGError) {
        guard let count = segment.first.map(Int.init), 1...components ~= count, segment.count == 4 + 2 * count else {
            throw JPEGError(.corrupt, "a damaged scan header")
        }
    }
}
