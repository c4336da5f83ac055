import JPEG
import Synchronization
import Testing

struct FramePictureTests {
    @Test func `a size takes no more than can be seen`() {
        #expect(DecodeScale(pitch: 0.3) == .full && DecodeScale(pitch: 1.99) == .full)
        #expect(DecodeScale(pitch: 2) == .half && DecodeScale(pitch: 3.9) == .half)
        #expect(DecodeScale(pitch: 4) == .quarter && DecodeScale(pitch: 100) == .eighth)
        #expect(DecodeScale(pitch: .nan) == .full)
    }

    @Test func `each size is decoded once, whoever asks`() throws {
        let bytes = try fixture("baseline.jpg")
        let header = try bytes.withUnsafeBytes { try JPEGHeader.check($0) }
        let decoded = Mutex<[DecodeScale]>([])
        let picture = FramePicture(header: header) { scale throws(JPEGError) in
            decoded.withLock { $0.append(scale) }
            return try DecodedImage.decode(bytes, scale: scale)
        }
        #expect((picture.width, picture.height) == (48, 32))
        try picture.prepare(.full)
        #expect(picture.firstWanted == nil, "prepared, and nobody looked")
        #expect(try picture.image(.half).width == 24)
        #expect(try picture.image(.full).pixels == DecodedImage.decode(bytes).pixels)
        #expect(try picture.image(.half).scale == .half)
        #expect(picture.firstWanted == .half)
        #expect(decoded.withLock { $0 } == [.full, .half])
    }

    @Test func `what cannot be decoded is an error each time, and harms no other size`() throws {
        let bytes = try fixture("baseline.jpg")
        let header = try bytes.withUnsafeBytes { try JPEGHeader.check($0) }
        let picture = FramePicture(header: header) { scale throws(JPEGError) in
            guard scale == .full else { throw JPEGError(.corrupt, "no \(scale)") }
            return try DecodedImage.decode(bytes)
        }
        #expect(throws: JPEGError.self) { try picture.prepare(.half) }
        #expect(throws: JPEGError.self) { try picture.image(.half) }
        #expect(try picture.image(.full).width == 48)
    }

    @Test func `pixels that were no JPEG have one size`() throws {
        let image = try [UInt8](repeating: 7, count: 36).withUnsafeBytes {
            try DecodedImage(rgb: $0, width: 4, height: 3)
        }
        let picture = FramePicture(image)
        #expect(try picture.image(.quarter) === image)
        #expect(image.scale == .full && (picture.width, picture.height) == (4, 3))
    }
}
