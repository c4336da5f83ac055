internal import Foundation

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
