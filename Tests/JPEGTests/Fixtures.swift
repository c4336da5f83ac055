import Foundation
import JPEG

/// A file of Tests/Fixtures/jpeg; make_fixtures.py there says how it was made.
func fixture(_ name: String) throws -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/jpeg")
    return [UInt8](try Data(contentsOf: folder.appending(path: name)))
}

extension DecodedImage {
    var pixels: [UInt8] { withUnsafeBytes { Array($0) } }
}

/// The same JPEG with another segment right after its first two bytes.
func inserting(_ segment: [UInt8], into jpeg: [UInt8]) -> [UInt8] {
    Array(jpeg[..<2]) + segment + Array(jpeg[2...])
}

/// An APP1 segment that holds nothing but an orientation.
func exifSegment(orientation: UInt8, bigEndian: Bool) -> [UInt8] {
    let tiff: [UInt8] =
        bigEndian
        ? [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
        : [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]
    let payload = Array("Exif\0\0".utf8) + tiff
    let length = payload.count + 2
    return [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + payload
}

/// The offset of the first two bytes `FF marker` at or after an offset.
func offset(of marker: UInt8, in jpeg: [UInt8], from: Int = 0) -> Int? {
    jpeg.indices.dropFirst(from).dropLast().first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == marker }
}

func reason<Value>(_ body: () throws(JPEGError) -> Value) -> JPEGError.Reason? {
    do {
        _ = try body()
        return nil
    } catch {
        return error.reason
    }
}
