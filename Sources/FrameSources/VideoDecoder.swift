internal import JPEG

/// An ffmpeg at work on one input, whose pictures come out as JPEGs.
///
/// ffmpeg decodes and turns upright. The planes of its pictures are encoded here, as they are: libjpeg is faster at it than
/// ffmpeg's own encoder, and makes the samples' range a JPEG's on the way, for which ffmpeg needs a pass of its scaler.
final class VideoDecoder {
    /// Whether the input consists of JPEGs, and is cut into them undecoded.
    let keepsJPEG: Bool
    private let stop: SourceStop
    private let child: ChildProcess
    private var pictures = Y4MReader()
    private var splitter = JPEGSplitter()

    private static let encoder = PlanesEncoder()

    /// Starts ffmpeg.
    ///
    /// - Throws: `FrameSourceError` if it is missing.
    init(_ input: VideoInput, keepsJPEG: Bool, stop: SourceStop) throws(FrameSourceError) {
        self.keepsJPEG = keepsJPEG
        self.stop = stop
        // Cameras' timestamps jump back now and then, which ffmpeg refuses: pictures get their numbers instead.
        let output =
            keepsJPEG
            ? ["-c:v", "copy", "-f", "image2pipe"]
            : ["-vf", "format=yuvj420p|yuv420p,settb=1/1000,setpts=N", "-enc_time_base", "1:1000"]
                + ["-f", "yuv4mpegpipe", "-flush_packets", "1"]
        child = try ChildProcess(
            "ffmpeg",
            ["-hide_banner", "-nostdin", "-nostats", "-v", "error"] + input.options + ["-i", input.address]
                + ["-map", "0:V:0", "-fps_mode", "passthrough"] + output + ["pipe:1"])
    }

    /// Waits for the first picture of an input that is not kept as it is.
    ///
    /// - Returns: what it is; nil where none has come before the deadline, or before the end.
    func format(deadlineNs: Int64) throws(FrameSourceError) -> Y4MReader.Format? {
        guard try child.waitForOutput(deadlineNs: deadlineNs, stop: stop) else { return nil }
        return try pictures.readFormat(read)
    }

    /// The next picture as a JPEG; nil at the end or once stopped.
    func next() throws(FrameSourceError) -> [UInt8]? {
        try keepsJPEG ? nextKept() : nextEncoded()
    }

    private func nextEncoded() throws(FrameSourceError) -> [UInt8]? {
        try pictures.next(read) { (planes, format) throws(FrameSourceError) in
            try orSay { () throws(JPEGError) in
                try Self.encoder.encode(
                    planes, width: format.width, height: format.height, isFullRange: format.isFullRange)
            }
        }
    }

    private func nextKept() throws(FrameSourceError) -> [UInt8]? {
        while true {
            if let jpeg = try orSay({ () throws(JPEGError) in try splitter.next() }) { return jpeg }
            let chunk = try child.read(stop: stop)
            if chunk.isEmpty { return nil }
            splitter.append(chunk)
        }
    }

    private func orSay<Result>(_ body: () throws(JPEGError) -> Result) throws(FrameSourceError) -> Result {
        do throws(JPEGError) {
            return try body()
        } catch {
            throw FrameSourceError(error.detail)
        }
    }

    private func read(_ buffer: UnsafeMutableRawBufferPointer) throws(FrameSourceError) -> Int {
        try child.read(into: buffer, stop: stop)
    }

    /// Waits for ffmpeg's end, once there are no more pictures.
    ///
    /// - Returns: whether it did all it was to do, and what it complained of.
    func finish() -> (isWhole: Bool, complaint: String) {
        let status = child.wait()
        let hasPartialFrame = pictures.hasPartialPicture || splitter.finish() != nil
        return (status == 0 && !hasPartialFrame, child.errorSuffix)
    }

    /// Ends ffmpeg before its time.
    func end() {
        child.end()
    }
}
