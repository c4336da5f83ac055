internal import Foundation

/// What a person names as a source, understood.
///
/// | text | source |
/// |---|---|
/// | `test:`, `test:?frames=300&width=640` | a rendered person with known joints, see `TestSourceOptions` |
/// | `-` | MJPEG on standard input |
/// | `rtsp://…`, `rtsps://…` | a network camera |
/// | `http://…`, `https://…` | a network camera, or a video file if the path ends like one |
/// | `/dev/video0` | a Video4Linux camera |
/// | a folder, or a pattern with `*`, `?`, `[…]` | its images, in natural order |
/// | an image file | one frame |
/// | any other file | a video |
package struct FrameSourceSpec: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case video(path: String)
        case untrustedVideo(path: String)
        case network(address: String)
        case device(path: String)
        case images(paths: [String])
        case standardInput
        case test(TestSourceOptions)
    }

    package let kind: Kind
    /// The source as a person may see it, without passwords.
    package let name: String
    /// Whether frames come at their own pace, as from a camera: then they are fed live, otherwise lossless.
    package let isLive: Bool

    /// - Throws: `FrameSourceError` if there is no such file or folder, or the text is no source.
    package init(parsing text: String) throws(FrameSourceError) {
        let lowercased = text.lowercased()
        if text.isEmpty {
            throw FrameSourceError("the source is empty; name a video, a folder of images, a camera, or test:")
        } else if text == "-" {
            self.init(.standardInput, name: "standard input", isLive: false)
        } else if lowercased == "test" || lowercased.hasPrefix("test:") {
            let options = try TestSourceOptions(parsing: text)
            self.init(.test(options), name: text, isLive: options.isRealTime)
        } else if let scheme = text.range(of: "://").map({ lowercased[..<$0.lowerBound] }) {
            guard ["rtsp", "rtsps", "http", "https"].contains(scheme) else {
                throw FrameSourceError("\(scheme):// is not supported; use rtsp, rtsps, http or https")
            }
            let isFile = scheme.hasPrefix("http") && Self.isVideoFileAddress(lowercased)
            self.init(.network(address: text), name: VideoInput.withoutPassword(text), isLive: !isFile)
        } else {
            try self.init(path: text)
        }
    }

    /// A video file that somebody handed in: only kinds of files that hold their frames themselves, so that it cannot
    /// make ffmpeg read others, and no picture larger than the bus takes.
    package static func untrustedVideo(path: String) -> FrameSourceSpec {
        FrameSourceSpec(.untrustedVideo(path: path), name: path, isLive: false)
    }

    private init(path: String) throws(FrameSourceError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            if path.contains(where: { "*?[".contains($0) }) {
                self.init(.images(paths: try ImageSource.images(matching: path)), name: path, isLive: false)
                return
            }
            throw FrameSourceError("\(path) does not exist")
        }
        if isFolder.boolValue {
            self.init(.images(paths: try ImageSource.images(inFolder: path)), name: path, isLive: false)
        } else if path.hasPrefix("/dev/video") {
            self.init(.device(path: path), name: path, isLive: true)
        } else if ImageSource.extensions.contains((path as NSString).pathExtension.lowercased()) {
            self.init(.images(paths: [path]), name: path, isLive: false)
        } else {
            self.init(.video(path: path), name: path, isLive: false)
        }
    }

    private init(_ kind: Kind, name: String, isLive: Bool) {
        self.kind = kind
        self.name = name
        self.isLive = isLive
    }

    /// Whether a web address ends like a file of known length rather than a camera's stream.
    private static func isVideoFileAddress(_ address: String) -> Bool {
        let path = address.prefix { $0 != "?" && $0 != "#" }
        return [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"].contains { path.hasSuffix($0) }
    }

    /// Opens the source.
    ///
    /// - Parameter stop: ends the source early, also while it is being opened.
    /// - Throws: `FrameSourceError`: ffmpeg is missing, the file is no video, the camera does not answer.
    package func open(stop: SourceStop = SourceStop()) throws(FrameSourceError) -> any FrameSource {
        switch kind {
        case .video(let path):
            return try VideoSource(.file(path), isLive: false, stop: stop)
        case .untrustedVideo(let path):
            return try VideoSource(.untrustedFile(path), isLive: false, stop: stop)
        case .network(let address):
            return try VideoSource(.network(address), isLive: isLive, stop: stop)
        case .device(let path):
            // Most cameras compress by themselves; those that do not refuse the format.
            if let source = try? VideoSource(.device(path, jpeg: true), isLive: true, stop: stop) { return source }
            return try VideoSource(.device(path, jpeg: false), isLive: true, stop: stop)
        case .images(let paths):
            return ImageSource(paths, stop: stop)
        case .standardInput:
            return StandardInputSource(stop: stop)
        case .test(let options):
            return TestSource(options, stop: stop)
        }
    }

    /// Looks whether a video file is one, without reading its frames.
    ///
    /// - Throws: `FrameSourceError`: ffprobe is missing, or finds no video in it.
    package func checkVideo() throws(FrameSourceError) {
        switch kind {
        case .video(let path): _ = try LateProbe(.file(path), stop: nil).answer()
        case .untrustedVideo(let path): _ = try LateProbe(.untrustedFile(path), stop: nil).answer()
        case .network, .device, .images, .standardInput, .test: throw FrameSourceError("\(name) is no video file")
        }
    }
}
