internal import Foundation
internal import Spawning

/// Frames as an MP4 file (H.264, 4:2:0), through an ffmpeg child process. The file takes its name once it is whole.
final class VideoEncoder {
    private let process: SpawnedProcess
    private let url: URL
    private var input: Int32
    private var isFinished = false

    private var unfinished: String { url.path + ".unfinished" }

    /// Starts ffmpeg.
    ///
    /// - Throws: `ExportError` that says what to install if it is missing.
    init(_ url: URL, width: Int, height: Int, frameRate: Double) throws(ExportError) {
        self.url = url
        do throws(SpawnError) {
            process = try SpawnedProcess(
                "ffmpeg",
                [
                    "-hide_banner", "-nostdin", "-nostats", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                    "\(width)x\(height)", "-r", String(format: "%.6f", frameRate), "-i", "pipe:0", "-an",
                    // 4:2:0 has no odd sizes.
                    "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20",
                    "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", "-y",
                    "file:" + url.path + ".unfinished",
                ], input: .pipe, output: .null, errors: .pipe)
        } catch {
            throw ExportError(
                .unavailable,
                error.code == ENOENT
                    ? "ffmpeg is not installed; it is needed to write videos. Install it with: apt-get install ffmpeg"
                    : "\(error)")
        }
        input = process.input
        let setPipeSize: Int32 = 1031  // F_SETPIPE_SZ, which glibc shows to GNU programs only
        _ = fcntl(input, setPipeSize, 1 << 20)
    }

    deinit {
        if input >= 0 { close(input) }
        if !isFinished {
            process.send(SIGKILL)
            process.wait()
            unlink(unfinished)
        }
        close(process.errors)
    }

    /// Writes one frame: RGB, as large as was said.
    func write(_ pixels: [UInt8]) throws(ExportError) {
        let failed = pixels.withUnsafeBytes { bytes in
            withoutBrokenPipeSignal {
                var done = 0
                while done < bytes.count {
                    let written = Foundation.write(input, bytes.baseAddress! + done, bytes.count - done)
                    if written < 0, errno == EINTR { continue }
                    guard written > 0 else { return true }
                    done += written
                }
                return false
            }
        }
        if failed { throw failure() }
    }

    /// Waits until the file is whole.
    func finish() throws(ExportError) {
        close(input)
        input = -1
        guard case .status(0) = process.wait() else { throw failure() }
        isFinished = true
        guard rename(unfinished, url.path) == 0 else {
            throw ExportError(.inputOutput, "\(url.path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    private func failure() -> ExportError {
        if input >= 0 { close(input) }
        input = -1
        process.wait()
        // It has ended, so what it said is in the pipe.
        var text = [UInt8](repeating: 0, count: 4096)
        let count = max(0, read(process.errors, &text, text.count))
        let complaint = String(decoding: text[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return ExportError(
            .inputOutput, "\(url.path) could not be written\(complaint.isEmpty ? "" : ": ffmpeg said: \(complaint)")")
    }
}

/// Runs what may write to a pipe without a reader: that is an error there, and no signal to the process.
private func withoutBrokenPipeSignal<Result>(_ body: () -> Result) -> Result {
    var (broken, before) = (sigset_t(), sigset_t())
    sigemptyset(&broken)
    sigaddset(&broken, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &broken, &before)
    let result = body()
    // A signal that came is taken away before it can be delivered; one that others had blocked stays theirs.
    if sigismember(&before, SIGPIPE) == 0 {
        var now = timespec()
        while sigtimedwait(&broken, nil, &now) < 0, errno == EINTR {}
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }
    return result
}
