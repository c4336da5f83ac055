internal import Foundation
internal import JPEG

/// How ffmpeg opens one input. Whatever the address says, ffmpeg may use only the protocols listed here: a playlist
/// from a camera cannot make it read local files.
struct VideoInput: Equatable {
    /// For people.
    var name: String
    /// Options that stand before `-i`.
    var options: [String]
    var address: String

    /// A local file. The `file:` keeps a name such as `http:x` or `-x` a name.
    static func file(_ path: String) -> VideoInput {
        VideoInput(name: path, options: ["-protocol_whitelist", "file,pipe"], address: "file:\(path)")
    }

    /// A local file that somebody handed in. Playlists and lists of files, which name other files, are no video here.
    static func untrustedFile(_ path: String) -> VideoInput {
        VideoInput(
            name: path,
            options: ["-protocol_whitelist", "file", "-format_whitelist", selfContainedFormats.joined(separator: ",")]
                + ["-max_pixels", "\(JPEGLimits().pixels)"],
            address: "file:\(path)")
    }

    /// ffmpeg's demuxers, by their names, of containers that hold their frames themselves.
    private static let selfContainedFormats = [
        "mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "ogg", "asf", "mjpeg", "h264",
        "hevc", "m4v", "ivf", "mxf", "dv", "gif",
    ]

    /// An `rtsp`, `rtsps`, `http` or `https` address. A camera that falls silent is an error after ten seconds.
    static func network(_ address: String) -> VideoInput {
        let patience = "10000000"  // microseconds
        let options: [String]
        if address.lowercased().hasPrefix("rtsp") {
            // TCP, because a lost UDP packet is a grey block for a second.
            options =
                ["-protocol_whitelist", "rtp,udp,tcp,rtsp,rtsps,tls,crypto", "-rtsp_transport", "tcp"]
                + ["-timeout", patience]
        } else {
            options = ["-protocol_whitelist", "http,https,tcp,tls,crypto", "-rw_timeout", patience]
        }
        return VideoInput(name: withoutPassword(address), options: options, address: address)
    }

    /// A Video4Linux camera, in its own JPEG format if asked for.
    static func device(_ path: String, jpeg: Bool) -> VideoInput {
        VideoInput(
            name: path,
            options: ["-protocol_whitelist", "file", "-f", "v4l2"] + (jpeg ? ["-input_format", "mjpeg"] : []),
            address: path)
    }

    /// What ffmpeg wrote, fit to be logged: it repeats the address with the password in it.
    func withoutPassword(in complaint: String) -> String {
        complaint.replacingOccurrences(of: address, with: name)
    }

    /// An address that may be logged.
    static func withoutPassword(_ address: String) -> String {
        guard let scheme = address.range(of: "://") else { return address }
        let rest = address[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return address }
        return address[..<scheme.upperBound] + "***" + rest[at...]
    }
}
