/// What ffprobe says of an input, asked when it is needed first.
final class LateProbe {
    private let input: VideoInput
    private let stop: SourceStop?
    private var known: Result<VideoProbe, FrameSourceError>?

    /// How long it may take to answer, and ffmpeg to give a file's first picture before ffprobe is asked what is wrong with it.
    static let patienceNs: Int64 = 20_000_000_000

    init(_ input: VideoInput, stop: SourceStop?) {
        self.input = input
        self.stop = stop
    }

    /// Asks ffprobe, and waits for it, unless that is done already.
    ///
    /// - Throws: `FrameSourceError` if it is missing, cannot open the input, or finds no video in it.
    func answer() throws(FrameSourceError) -> VideoProbe {
        if let known { return try known.get() }
        do throws(FrameSourceError) {
            let probe = try ask()
            known = .success(probe)
            return probe
        } catch {
            known = .failure(error)
            throw error
        }
    }

    private func ask() throws(FrameSourceError) -> VideoProbe {
        let entries =
            "stream=codec_name,width,height,avg_frame_rate,nb_frames,duration:stream_side_data=rotation"
            + ":stream_tags=rotate:format=duration"
        let child = try ChildProcess(
            "ffprobe",
            ["-v", "error"] + input.options + ["-select_streams", "V:0", "-show_entries", entries, "-of", "json"]
                + ["-i", input.address])
        let deadline = unixTimeNs() + Self.patienceNs
        var json: [UInt8] = []
        while case let chunk = try child.read(deadlineNs: deadline, stop: stop), !chunk.isEmpty {
            json += chunk
        }
        guard stop?.isStopped != true else { throw FrameSourceError("stopped while opening \(input.name)") }
        guard child.wait() == 0 else {
            let complaint = input.withoutPassword(in: child.errorSuffix)
            throw FrameSourceError("\(input.name) cannot be read as a video\(complaint)")
        }
        guard let probe = try VideoProbe(json: json) else {
            throw FrameSourceError("\(input.name) has no video stream")
        }
        return probe
    }
}
