package import Foundation
internal import FrameSources
internal import JPEG
internal import Messages

/// Makes JPEGs of pictures in other formats, which is all the bus carries.
///
/// JPEGs go through as they are. What else a picture may be is decided by its first bytes and not by ffmpeg, which is then
/// told the one format it may read it as: it opens nothing but the one file, takes no picture that is larger than the bus
/// allows, and has bounded memory, processor time and time.
package final class ImageConverter: Sendable {
    /// A format of pictures besides JPEG, by ffmpeg's names.
    enum Format: String, CaseIterable {
        case png, webp, bmp, tiff, gif, ppm, pgm

        /// ffmpeg's demuxer.
        var demuxer: String { self == .gif ? rawValue : "\(rawValue)_pipe" }
    }

    private let folder: URL
    private let limits = JPEGLimits()
    private let queue = OperationQueue()

    /// Seconds that a conversion may take, of a clock and of a processor.
    private static let timeout = 20
    /// Bytes of memory.
    private static let memory = 2 << 30

    /// - Parameters:
    ///   - folder: where pictures lie while they are converted.
    ///   - atOnce: how many conversions run at the same time.
    package init(folder: URL, atOnce: Int = 2) {
        self.folder = folder
        queue.name = "convert"
        queue.maxConcurrentOperationCount = atOnce
    }

    /// A JPEG of a picture.
    ///
    /// - Throws: `JobError`, for a person: it is no picture, or none that can be read.
    package func jpeg(of picture: Data) async throws -> Data {
        guard !picture.starts(with: [0xFF, 0xD8, 0xFF]) else { return picture }
        guard let format = Self.format(of: picture) else {
            throw JobError("it is no picture of a known format; JPEG, PNG, WebP, BMP, TIFF, GIF and PPM are known")
        }
        return try await withCheckedThrowingContinuation { continuation in
            queue.addOperation { [self] in
                continuation.resume(with: Result { try convert(picture, format) })
            }
        }
    }

    /// What the first bytes say.
    static func format(of picture: Data) -> Format? {
        let bytes = [UInt8](picture.prefix(12))
        func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
        if begins("RIFF"), bytes.count == 12, bytes[8...].elementsEqual("WEBP".utf8) { return .webp }
        if begins("GIF87a") || begins("GIF89a") { return .gif }
        if begins("II*\0") || begins("MM\0*") { return .tiff }
        if begins("BM") { return .bmp }
        if begins("P6") || begins("P3") { return .ppm }
        if begins("P5") || begins("P2") { return .pgm }
        return nil
    }

    private func convert(_ picture: Data, _ format: Format) throws -> Data {
        let file = folder.appending(path: "picture-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        do {
            try picture.write(to: file)
        } catch {
            throw JobError("the picture could not be kept while it is converted: \(error.localizedDescription)")
        }
        let child: ChildProcess
        do {
            child = try ChildProcess(
                "prlimit",
                ["--as=\(Self.memory)", "--cpu=\(Self.timeout)", "--core=0", "--fsize=0", "ffmpeg"]
                    + ["-hide_banner", "-nostdin", "-v", "error", "-threads", "1", "-max_alloc", "\(Self.memory / 4)"]
                    + [
                        "-protocol_whitelist", "file", "-format_whitelist", format.demuxer, "-max_pixels",
                        "\(limits.pixels)",
                    ]
                    + ["-f", format.demuxer, "-i", "file:\(file.path)", "-map", "0:v:0", "-frames:v", "1"]
                    // Colours at full resolution and the finest quantiser: the bus sees what was sent.
                    + [
                        "-c:v", "mjpeg", "-q:v", "1", "-qmin", "1", "-pix_fmt", "yuvj444p", "-f", "image2pipe",
                        "pipe:1",
                    ])
        } catch {
            throw JobError("\(error)")
        }
        var jpeg = Data()
        let deadline = Timestamp.now.nanoseconds + Int64(Self.timeout) * 1_000_000_000
        do {
            while jpeg.count <= limits.bytes, case let chunk = try child.read(deadlineNs: deadline, stop: nil),
                !chunk.isEmpty
            {
                jpeg += chunk
            }
        } catch {
            throw JobError("the \(format.rawValue.uppercased()) took too long to decode")
        }
        guard jpeg.count <= limits.bytes else {
            throw JobError("as JPEG it is larger than the bus takes (\(limits.bytes >> 20) MiB)")
        }
        guard child.wait() == 0, !jpeg.isEmpty else {
            throw JobError("it is no \(format.rawValue.uppercased()) that can be read\(complaint(child, file))")
        }
        return jpeg
    }

    private func complaint(_ child: ChildProcess, _ file: URL) -> String {
        let first = child.errorSuffix.split(separator: "\n").first.map(String.init) ?? ""
        return first.replacingOccurrences(of: "file:\(file.path)", with: "the picture")
    }
}
