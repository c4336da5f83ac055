/// Frames of a video file or camera, through an ffmpeg child process.
///
/// A stream that is MJPEG already (most USB and many network cameras) keeps its own JPEGs, bit for bit; but those of a file that
/// says their samples do not have a JPEG's range are made real ones. Everything else is encoded at the best quality.
/// Pictures are turned upright by ffmpeg, and no frame is doubled or left out to even out the rate.
package final class VideoSource: FrameSource {
    package private(set) var warning: String?

    private let input: VideoInput
    private let isLive: Bool
    private let stop: SourceStop
    private let decoder: VideoDecoder
    private let probe: LateProbe
    private var index = 0
    private let startNs = unixTimeNs()
    private var isFinished = false

    /// - Parameter isLive: capture times are those of reading, not the places in the video.
    init(_ input: VideoInput, isLive: Bool, stop: SourceStop) throws(FrameSourceError) {
        self.input = input
        self.isLive = isLive
        self.stop = stop
        probe = LateProbe(input, stop: stop)
        // A file's first picture needs only ffmpeg; ffprobe, which takes as long to begin, is asked while that picture is under
        // way already. Pictures of the whole range are the exception: they may be JPEGs, which are kept as they are. A
        // camera may be opened by one program at a time only.
        let early = isLive ? nil : try VideoDecoder(input, keepsJPEG: false, stop: stop)
        if let early, try early.format(deadlineNs: unixTimeNs() + LateProbe.patienceNs)?.isFullRange == false {
            decoder = early
            return
        }
        let answer = try probe.answer()
        let keepsJPEG = answer.codec == "mjpeg" && !answer.isRotated
        if let early, !keepsJPEG {
            decoder = early
        } else {
            early?.end()
            decoder = try VideoDecoder(input, keepsJPEG: keepsJPEG, stop: stop)
        }
    }

    /// The container's, or an estimate; ffprobe is waited for.
    package var frameCount: Int? { isLive ? nil : (try? probe.answer())?.estimatedFrameCount }

    package func next() throws -> SourceFrame? {
        guard !isFinished else { return nil }
        do throws(FrameSourceError) {
            if let jpeg = try nextJPEG() {
                defer { index += 1 }
                return SourceFrame(jpeg: jpeg, index: index, captureTimeNs: try captureTimeNs())
            }
            isFinished = true
            try finish()
        } catch {
            isFinished = true
            if !stop.isStopped { throw error }
            decoder.end()
        }
        return nil
    }

    private func nextJPEG() throws(FrameSourceError) -> [UInt8]? {
        do throws(FrameSourceError) {
            return try decoder.next()
        } catch {
            throw FrameSourceError("\(input.name), frame \(index): \(error)")
        }
    }

    private func captureTimeNs() throws(FrameSourceError) -> Int64 {
        if isLive { return unixTimeNs() }
        if index == 0 { return startNs }
        guard let rate = try probe.answer().frameRate else { return unixTimeNs() }
        return startNs + Int64(Double(index) / rate * 1e9)
    }

    /// ffmpeg goes on after damage and says so; its exit status tells only of the worst. Fewer frames than the
    /// container promised are an error as well, so that a truncated file does not pass for a short one.
    private func finish() throws(FrameSourceError) {
        guard !stop.isStopped else {
            decoder.end()
            return
        }
        let (isWhole, words) = decoder.finish()
        let complaint = input.withoutPassword(in: words)
        let promised = try probe.answer().exactFrameCount
        let misses = !isLive && !complaint.isEmpty && promised.map { index < $0 } ?? true
        guard isWhole, index > 0, !misses else {
            let expected = promised.map { " of \($0)" } ?? ""
            throw FrameSourceError("\(input.name) broke off after \(index)\(expected) frames\(complaint)")
        }
        warning = complaint.isEmpty ? nil : "\(input.name): ffmpeg complained\(complaint)"
    }
}
