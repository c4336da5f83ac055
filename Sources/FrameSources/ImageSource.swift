internal import Foundation
internal import JPEG

/// Still images, one frame a file, in the order given. JPEG files are handed on bit for bit, damaged ones too;
/// other formats are converted by ffmpeg.
package final class ImageSource: FrameSource {
    /// File name extensions that count as images in a folder.
    static let extensions: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "webp", "tif", "tiff", "ppm", "pgm", "pnm",
    ]
    static let jpegExtensions: Set<String> = ["jpg", "jpeg", "jpe", "jfif"]

    private let paths: [String]
    private let stop: SourceStop
    private let limits = JPEGLimits()
    private var index = 0

    package var frameCount: Int? { paths.count }

    init(_ paths: [String], stop: SourceStop) {
        self.paths = paths
        self.stop = stop
    }

    package func next() throws -> SourceFrame? {
        guard index < paths.count, !stop.isStopped else { return nil }
        let path = paths[index]
        let isJPEG = Self.jpegExtensions.contains((path as NSString).pathExtension.lowercased())
        let jpeg = isJPEG ? try read(path) : try convert(path)
        guard !stop.isStopped else { return nil }
        defer { index += 1 }
        return SourceFrame(jpeg: jpeg, index: index, captureTimeNs: unixTimeNs())
    }

    /// At most one byte over the limit is read: enough for the check to refuse the file as too large.
    private func read(_ path: String) throws(FrameSourceError) -> [UInt8] {
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            return [UInt8](try file.read(upToCount: limits.bytes + 1) ?? Data())
        } catch {
            throw FrameSourceError("\(path) cannot be read: \(error.localizedDescription)")
        }
    }

    private func convert(_ path: String) throws(FrameSourceError) -> [UInt8] {
        let input = VideoInput.file(path)
        let child = try ChildProcess(
            "ffmpeg",
            ["-hide_banner", "-nostdin", "-v", "error"] + input.options + ["-i", input.address]
                + ["-map", "0:v:0", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"]
                + ["-f", "image2pipe", "pipe:1"])
        var jpeg: [UInt8] = []
        while jpeg.count <= limits.bytes, case let chunk = try child.read(stop: stop), !chunk.isEmpty {
            jpeg += chunk
        }
        guard !stop.isStopped else { return [] }
        guard child.wait() == 0, !jpeg.isEmpty else {
            throw FrameSourceError("\(path) cannot be converted to JPEG\(child.errorSuffix)")
        }
        return jpeg
    }
}
