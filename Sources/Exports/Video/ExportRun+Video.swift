internal import Bodies
internal import Foundation
internal import JPEG
internal import Messages

extension ExportRun {
    /// The recordings' pictures with what was found drawn in, one file each.
    ///
    /// Every outcome has its picture, so that length and time are the original's: a dropped frame shows the last picture
    /// without colour and says why, and a pause of the camera is as long as it was, up to ten seconds.
    func writeVideo() throws {
        let model = try surfaceModel()
        try eachRecordingToItsFile { recording, url in
            var timeline = Timeline()
            var size: (width: Int, height: Int)?
            let scout = PictureSource(recording, video: options.video)
            try walk(recording, isCounted: false) { outcome in
                timeline.append(outcome.frame)
                if size == nil, outcome.drop == nil, let picture = try scout.picture(of: outcome.frame) {
                    size = (picture.width, picture.height)
                }
            }
            guard timeline.count > 0 else {
                summary.notes.append("session \(recording.session) is empty: there is no video of it")
                return
            }
            guard let size else {
                throw ExportError(
                    .unavailable,
                    "no picture of session \(recording.session) is there: run with --keep-frames to keep them, or give the "
                        + "original with --video FILE")
            }
            let film = Film(
                try VideoEncoder(
                    url, width: size.width, height: size.height, frameRate: timeline.frameRate(options.frameRate)),
                size: size, holds: timeline.holds(options.frameRate))
            let pictures = PictureSource(recording, video: options.video)
            var overlay = Overlay(model)
            try walk(recording) { outcome in
                try film.show(
                    outcome, picture: outcome.drop == nil ? try pictures.picture(of: outcome.frame) : nil, &overlay)
            }
            try film.finish()
            if film.missing > 0 { summary.notes.append("\(film.missing) frames have no picture and show the last one") }
            summary.files += 1
        }
    }

    /// The body model where persons have bodies; without its files, skeletons are all there is to draw.
    private func surfaceModel() throws -> BodyModel? {
        let notes = summary.notes
        let model = try bodyModelIfNeeded()
        if summary.notes.count > notes.count {
            summary.notes = notes + ["bodies are drawn without their surface, as SMPL's files are not there"]
        }
        return model
    }
}

/// The frames of one video, in the making.
private final class Film {
    private let encoder: VideoEncoder
    private let size: (width: Int, height: Int)
    private let holds: [Int: Int]
    private var last: Canvas
    private var place = 0
    /// How many frames were looked at whose picture is not there.
    private(set) var missing = 0

    init(_ encoder: VideoEncoder, size: (width: Int, height: Int), holds: [Int: Int]) {
        self.encoder = encoder
        self.size = size
        self.holds = holds
        last = Canvas(width: size.width, height: size.height)
    }

    func show(_ outcome: Outcome, picture: DecodedImage?, _ overlay: inout Overlay) throws {
        if let picture { last = Canvas(picture, width: size.width, height: size.height) }
        var canvas = last
        let scale = max(1, size.height / 360)
        if let drop = outcome.drop {
            canvas.fade()
            canvas.label(
                "dropped by \(drop.stage.rawValue): \(drop.reason.rawValue)", x: 4 * scale, y: 4 * scale, scale: scale,
                color: SIMD3(1, 0.5, 0.4))
        } else if picture == nil {
            missing += 1
            canvas.fade()
            canvas.label("no picture kept", x: 4 * scale, y: 4 * scale, scale: scale, color: SIMD3(repeating: 0.8))
        }
        overlay.draw(outcome, onto: &canvas)
        for _ in 0..<(holds[place] ?? 1) { try encoder.write(canvas.pixels) }
        place += 1
    }

    func finish() throws { try encoder.finish() }
}

extension Timeline {
    /// For the frames before a pause of the camera, how many frames the pause lasts: at most ten seconds. None where the
    /// rate was chosen.
    fileprivate func holds(_ chosen: Double?) -> [Int: Int] {
        guard chosen == nil else { return [:] }
        let rate = frameRate(nil)
        var holds: [Int: Int] = [:]
        for (place, (time, next)) in zip(times, times.dropFirst()).enumerated() {
            let seconds = Double(next &- time) / 1e9
            if seconds * rate > 5 { holds[place] = Int((min(seconds, 10) * rate).rounded()) }
        }
        return holds
    }
}
