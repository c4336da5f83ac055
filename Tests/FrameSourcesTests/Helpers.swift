import Foundation
import FrameSources
import JPEG
import Testing

/// A folder that goes away with the test.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "frame-sources-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }
}

/// Whether ffmpeg can be started; tests of videos are skipped without it.
let hasFFmpeg = (try? run("ffmpeg", ["-version"])) != nil

@discardableResult
func run(_ name: String, _ arguments: [String]) throws -> [UInt8] {
    let child = try ChildProcess(name, arguments)
    var output: [UInt8] = []
    while case let chunk = try child.read(stop: nil), !chunk.isEmpty { output += chunk }
    guard child.wait() == 0 else { throw FrameSourceError("\(name) failed\(child.errorSuffix)") }
    return output
}

/// Makes a video of ffmpeg's moving test picture.
func makeVideo(_ path: String, frames: Int = 30, options: [String] = ["-c:v", "mpeg4"]) throws {
    try run(
        "ffmpeg",
        ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=15", "-frames:v", "\(frames)"] + options
            + ["-y", path])
}

/// Reads a source to its end, keeping the frames that came before an error.
func readAll(_ source: any FrameSource) -> (frames: [SourceFrame], error: FrameSourceError?) {
    var frames: [SourceFrame] = []
    do {
        while let frame = try source.next() { frames.append(frame) }
        return (frames, nil)
    } catch {
        return (frames, error as? FrameSourceError)
    }
}

func message<Value>(_ body: () throws -> Value) -> String? {
    do {
        _ = try body()
        return nil
    } catch {
        return "\(error)"
    }
}

/// A small valid JPEG whose brightness tells it from others.
func smallJPEG(_ brightness: UInt8) throws -> [UInt8] {
    let pixels = [UInt8](repeating: brightness, count: 3 * 16 * 16)
    return try pixels.withUnsafeBytes { try JPEGEncoder().encode($0, width: 16, height: 16) }
}
