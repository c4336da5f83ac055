internal import Foundation

/// What ffprobe says about the first video stream of a file or camera.
struct VideoProbe: Equatable {
    var codec: String
    var width: Int
    var height: Int
    /// Frames a second on average; nil if unknown.
    var frameRate: Double?
    /// Written in the container, as MP4 and QuickTime do.
    var exactFrameCount: Int?
    /// In seconds; nil for cameras.
    var duration: Double?
    /// Whether a player has to turn the pictures.
    var isRotated: Bool

    /// The container's count, or what duration and rate make likely.
    var estimatedFrameCount: Int? {
        if let exactFrameCount { return exactFrameCount }
        guard let duration, let frameRate else { return nil }
        return Int((duration * frameRate).rounded())
    }

    private struct Answer: Decodable {
        struct Stream: Decodable {
            struct SideData: Decodable {
                var rotation: Double?
            }
            var codec_name: String?
            var width: Int?
            var height: Int?
            var avg_frame_rate: String?
            var nb_frames: String?
            var duration: String?
            var tags: [String: String]?
            var side_data_list: [SideData]?
        }
        struct Format: Decodable {
            var duration: String?
        }
        var streams: [Stream]?
        var format: Format?
    }

    /// Reads ffprobe's JSON; nil if there is no video stream in it.
    init?(json: [UInt8]) throws(FrameSourceError) {
        let answer: Answer
        do {
            answer = try JSONDecoder().decode(Answer.self, from: Data(json))
        } catch {
            let start = String(decoding: json.prefix(200), as: UTF8.self)
            throw FrameSourceError("ffprobe's answer makes no sense: \(start)")
        }
        guard let stream = answer.streams?.first, let codec = stream.codec_name else { return nil }
        self.codec = codec
        width = stream.width ?? 0
        height = stream.height ?? 0
        frameRate = Self.rate(stream.avg_frame_rate)
        exactFrameCount = stream.nb_frames.flatMap { Int($0) }
        duration = (stream.duration ?? answer.format?.duration).flatMap { Double($0) }
        let turned = stream.side_data_list?.contains { ($0.rotation ?? 0) != 0 } ?? false
        isRotated = turned || (stream.tags?["rotate"].flatMap { Int($0) } ?? 0) != 0
    }

    /// A fraction such as "30000/1001".
    private static func rate(_ text: String?) -> Double? {
        let parts = (text ?? "").split(separator: "/").compactMap { Double($0) }
        guard parts.count == 2, parts[0] > 0, parts[1] > 0 else { return nil }
        return parts[0] / parts[1]
    }
}
