internal import JPEG

/// Reads YUV4MPEG2 as ffmpeg writes it for planes of 4:2:0: a line that says what the pictures are, then for each of them a line
/// `FRAME` and its planes of Y, Cb and Cr.
struct Y4MReader {
    /// What all pictures of a stream have in common.
    struct Format: Equatable {
        /// In pixels.
        var width: Int
        var height: Int
        /// Whether samples go from 0 to 255, as in a JPEG. Those of a video that says nothing of it go from 16 to 235.
        var isFullRange: Bool
        /// Bytes of a picture's planes.
        var planeBytes: Int
    }

    /// Fills memory, or a part of it, and returns how many bytes it wrote; 0 at the end.
    typealias Input = (UnsafeMutableRawBufferPointer) throws(FrameSourceError) -> Int

    private(set) var format: Format?
    private var buffer = [UInt8](repeating: 0, count: longestLine)
    private var filled = 0

    private static let longestLine = 1024
    private static let frameLine = Array("FRAME\n".utf8)

    /// Whether the end came within a picture.
    var hasPartialPicture: Bool { filled > 0 }

    /// Reads the first line.
    ///
    /// - Returns: nil where there is none.
    mutating func readFormat(_ input: Input) throws(FrameSourceError) -> Format? {
        if let format { return format }
        while true {
            if let end = buffer[..<filled].firstIndex(of: UInt8(ascii: "\n")) {
                let format = try Self.format(String(decoding: buffer[..<end], as: UTF8.self))
                // What of the first picture has come already moves to the front.
                let rest = buffer[(end + 1)..<filled]
                var frame = [UInt8](repeating: 0, count: Self.frameLine.count + format.planeBytes)
                guard rest.count <= frame.count else { throw Self.nonsense }
                frame.replaceSubrange(..<rest.count, with: rest)
                filled = rest.count
                buffer = frame
                self.format = format
                return format
            }
            guard filled < buffer.count else { throw Self.nonsense }
            guard try fill(input) else { return nil }
        }
    }

    /// Reads the next picture and hands over its planes, as `PlanesEncoder` takes them.
    ///
    /// - Returns: nil at the end.
    mutating func next<Result>(
        _ input: Input, _ body: (UnsafeRawBufferPointer, Format) throws(FrameSourceError) -> Result
    ) throws(FrameSourceError) -> Result? {
        guard let format = try readFormat(input) else { return nil }
        while filled < buffer.count {
            guard try fill(input) else { return nil }
        }
        guard buffer.starts(with: Self.frameLine) else { throw Self.nonsense }
        filled = 0
        return try buffer.withUnsafeBufferPointer { (bytes) throws(FrameSourceError) in
            try body(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[Self.frameLine.count...])), format)
        }
    }

    /// Reads once; false at the end.
    private mutating func fill(_ input: Input) throws(FrameSourceError) -> Bool {
        let got = try buffer.withUnsafeMutableBufferPointer { [filled] (bytes) throws(FrameSourceError) in
            try input(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: bytes[filled...])))
        }
        filled += got
        return got > 0
    }

    /// Understands a line such as `YUV4MPEG2 W640 H360 F30:1 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=LIMITED`.
    private static func format(_ line: String) throws(FrameSourceError) -> Format {
        let words = line.split(separator: " ")
        func value(_ tag: String) -> Substring? { words.dropFirst().first { $0.hasPrefix(tag) }?.dropFirst(tag.count) }
        guard words.first == "YUV4MPEG2", let width = value("W").flatMap({ Int($0) }),
            let height = value("H").flatMap({ Int($0) }), value("C")?.hasPrefix("420") ?? true,
            value("C")?.hasPrefix("420p") != true
        else { throw nonsense }
        do throws(JPEGError) {
            return Format(
                width: width, height: height, isFullRange: value("XCOLORRANGE=") == "FULL",
                planeBytes: try PlanesEncoder.byteCount(width: width, height: height))
        } catch {
            throw FrameSourceError("a video's pictures cannot be taken: \(error.detail)")
        }
    }

    private static var nonsense: FrameSourceError { FrameSourceError("ffmpeg's pictures make no sense") }
}
