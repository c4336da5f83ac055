internal import Foundation
internal import FrameSources
internal import JPEG
internal import Messages

/// The pictures of a recording: those that were kept, else those of the original video.
///
/// A video's frames are asked for in order: those between two that are wanted are read and passed over.
final class PictureSource {
    private let recording: any Recording
    private let video: URL?
    private var source: (any FrameSource)?
    private var ahead: SourceFrame?
    private var hasEnded = false

    init(_ recording: any Recording, video: URL?) {
        self.recording = recording
        self.video = video
    }

    /// The picture of a frame, upright; nil where there is none, or none that can be decoded.
    func picture(of frame: FrameHeader) throws -> DecodedImage? {
        if let kept = try recording.jpeg(of: frame.sequence), let image = try? DecodedImage.decode(kept) {
            return image
        }
        guard let video, let wanted = Int(exactly: frame.cameraFrame?.value ?? frame.sequence.value) else { return nil }
        if source == nil { source = try FrameSourceSpec(parsing: video.path).open() }
        while !hasEnded {
            if let ahead, ahead.index >= wanted {
                return ahead.index == wanted ? try? DecodedImage.decode(ahead.jpeg) : nil
            }
            ahead = try source?.next()
            hasEnded = ahead == nil
        }
        return nil
    }
}
