internal import JPEG

/// Frames of a video file or camera, through an ffmpeg child process that writes MJPEG.
///
/// A stream that is MJPEG already (most USB and many network cameras) keeps its own JPEGs, bit for bit. Everything
/// else is encoded at the best quality. Pictures are turned upright by ffmpeg, and no frame is doubled or left out to
/// even out the rate.
package final class VideoSource: FrameSource {
    package let frameCount: Int?
    package private(set) var warning: String?

    private let input: VideoInput
    private let probe: VideoProbe
    private let isLive: Bool
    private let stop: SourceStop
    private let child: ChildProcess
    private var splitter = JPEGSplitter()
    private var index = 0
    private let startNs = unixTimeNs()
    private var isFinished = false

    /// - Parameter isLive: capture times are those of reading, not the places in the video.
    init(_ input: VideoInput, isLive: Bool, stop: SourceStop) throws(FrameSourceError) {
        // Each program takes a tenth of a second until it has read the first bytes, so ffmpeg begins while ffprobe is asked, and
        // in the rare file that is MJPEG already it has begun in vain. A camera may be opened by one at a time only.
        let early = isLive ? nil : try Self.decoder(of: input, keepsJPEG: false)
        let probe = try VideoProbe(input, stop: stop)
        let keepsJPEG = probe.codec == "mjpeg" && !probe.isRotated
        self.input = input
        self.probe = probe
        self.isLive = isLive
        self.stop = stop
        frameCount = isLive ? nil : probe.estimatedFrameCount
        if let early, !keepsJPEG {
            child = early
        } else {
            early?.end()
            child = try Self.decoder(of: input, keepsJPEG: keepsJPEG)
        }
    }

    private static func decoder(of input: VideoInput, keepsJPEG: Bool) throws(FrameSourceError) -> ChildProcess {
        // Cameras' timestamps jump back now and then, which the encoder refuses: it gets the pictures' numbers instead.
        let coding =
            keepsJPEG
            ? ["-c:v", "copy"]
            : ["-vf", "settb=1/1000,setpts=N", "-enc_time_base", "1:1000", "-c:v", "mjpeg", "-q:v", "2"]
                // The standard's tables: best ones for each picture save 2 % and take a tenth of the work.
                + ["-huffman", "default"]
                + ["-pix_fmt", "yuvj420p"]
        return try ChildProcess(
            "ffmpeg",
            ["-hide_banner", "-nostdin", "-nostats", "-v", "error"] + input.options + ["-i", input.address]
                + ["-map", "0:V:0", "-fps_mode", "passthrough"] + coding + ["-f", "image2pipe", "pipe:1"])
    }

    package func next() throws -> SourceFrame? {
        guard !isFinished else { return nil }
        while true {
            if let jpeg = try nextJPEG() {
                defer { index += 1 }
                return SourceFrame(jpeg: jpeg, index: index, captureTimeNs: captureTimeNs)
            }
            let chunk = try child.read(stop: stop)
            if chunk.isEmpty {
                isFinished = true
                try finish()
                return nil
            }
            splitter.append(chunk)
        }
    }

    private func nextJPEG() throws(FrameSourceError) -> [UInt8]? {
        do {
            return try splitter.next()
        } catch {
            throw FrameSourceError("\(input.name), frame \(index): \(error.detail)")
        }
    }

    private var captureTimeNs: Int64 {
        guard !isLive, let rate = probe.frameRate else { return unixTimeNs() }
        return startNs + Int64(Double(index) / rate * 1e9)
    }

    /// ffmpeg goes on after damage and says so; its exit status tells only of the worst. Fewer frames than the
    /// container promised are an error as well, so that a truncated file does not pass for a short one.
    private func finish() throws(FrameSourceError) {
        guard !stop.isStopped else {
            child.end()
            return
        }
        let status = child.wait()
        let complaint = input.withoutPassword(in: child.errorSuffix)
        let hasPartialFrame = splitter.finish() != nil
        let misses = !isLive && !complaint.isEmpty && probe.exactFrameCount.map { index < $0 } ?? true
        guard status == 0, !hasPartialFrame, index > 0, !misses else {
            let expected = probe.exactFrameCount.map { " of \($0)" } ?? ""
            throw FrameSourceError("\(input.name) broke off after \(index)\(expected) frames\(complaint)")
        }
        warning = complaint.isEmpty ? nil : "\(input.name): ffmpeg complained\(complaint)"
    }
}
