internal import CJPEG

/// Marker codes: the byte after 0xFF. Source: ITU-T T.81, table B.1.
enum Marker {
    static let startOfImage: UInt8 = 0xD8
    static let endOfImage: UInt8 = 0xD9
    static let startOfScan: UInt8 = 0xDA
    static let defineArithmetic: UInt8 = 0xCC
    static let app1: UInt8 = 0xE1

    static func isRestart(_ marker: UInt8) -> Bool { 0xD0...0xD7 ~= marker }

    static func isStartOfFrame(_ marker: UInt8) -> Bool {
        // DHT, JPG and DAC live among the frame markers.
        0xC0...0xCF ~= marker && marker != 0xC4 && marker != 0xC8 && marker != defineArithmetic
    }
}

/// A walk over the marker segments of one JPEG. Reads only inside the buffer.
struct MarkerWalk {
    enum Step {
        case segment(UInt8, UnsafeRawBufferPointer)
        case endOfImage
    }

    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Steps over the SOI marker; false if the data does not begin with one.
    mutating func startsImage() -> Bool {
        guard bytes.count >= 3, bytes[0] == 0xFF, bytes[1] == Marker.startOfImage, bytes[2] == 0xFF else {
            return false
        }
        offset = 2
        return true
    }

    /// The next marker with its segment (marker and length left out).
    mutating func next() throws(JPEGError) -> Step {
        guard offset < bytes.count else { throw truncated }
        guard bytes[offset] == 0xFF else { throw JPEGError(.corrupt, "no marker at byte \(offset)") }
        while offset < bytes.count, bytes[offset] == 0xFF {  // any number of fill bytes may come first
            offset += 1
        }
        guard offset < bytes.count else { throw truncated }
        let marker = bytes[offset]
        offset += 1
        if marker == Marker.endOfImage { return .endOfImage }
        guard marker > 0x01, marker != Marker.startOfImage, !Marker.isRestart(marker) else {
            throw JPEGError(.corrupt, "marker FF \(String(marker, radix: 16)) where a segment belongs")
        }
        guard offset + 2 <= bytes.count else { throw truncated }
        let length = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
        guard length >= 2 else { throw JPEGError(.corrupt, "a segment of length \(length)") }
        guard offset + length <= bytes.count else { throw truncated }
        let segment = UnsafeRawBufferPointer(rebasing: bytes[(offset + 2)..<(offset + length)])
        offset += length
        return .segment(marker, segment)
    }

    /// Moves to the first marker after entropy-coded data: neither a stuffed zero nor a restart.
    mutating func skipCodedData() {
        offset = codedDataEnd(in: bytes, from: offset) ?? bytes.count
    }

    private var truncated: JPEGError { JPEGError(.corrupt, "truncated after \(bytes.count) bytes") }
}

/// The offset of the marker that ends the entropy-coded data which `from` lies in, or nil if the data ends first.
package func codedDataEnd(in bytes: UnsafeRawBufferPointer, from: Int) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    let end = cjpeg_coded_data_end(base.assumingMemoryBound(to: UInt8.self), bytes.count, from)
    return end < bytes.count ? end : nil
}
