internal import BlazePose
internal import Foundation
internal import JPEG
internal import Messages
internal import Tracking

/// Finds the persons in frames and follows their places, with BlazePose's networks: what every engine starts from.
///
/// It does not say who they are: see `IdentityKeeper`.
final class PersonFinder {
    private let estimator: BlazePoseEstimator
    private let needsFullSize: Bool
    private var sessions: [SessionID: Session] = [:]

    /// What is kept of a session.
    private struct Session {
        var tracker = PoseTracker()
        /// The size at which the last frame was looked at first. Not saved: another process begins with its own.
        var scale = DecodeScale.full
        /// The first frame's. Times are counted from it: as seconds since 1970 they would lose the digits in which the
        /// frames of one clip, fed twice, are alike, and so would its poses.
        var start: Timestamp
    }

    /// A person in a frame.
    struct Finding {
        /// Without a number.
        var person: Person
        /// Its pixels, where they are asked for.
        var mask: PersonMask?
    }

    /// Loads the two weight files.
    ///
    /// - Parameters:
    ///   - models: the folder that holds them.
    ///   - threads: how many threads one computation may use.
    ///   - masks: whether to find out which pixels are a person's, which doubles the work.
    ///   - needsFullSize: whether somebody else looks at each frame at full size anyway.
    /// - Throws: an error that names a missing or altered file and the command that fetches it.
    init(models: URL, threads: Int, masks: Bool = false, needsFullSize: Bool) throws {
        self.needsFullSize = needsFullSize
        var options = BlazePoseOptions()
        options.threads = threads
        options.masks = masks
        estimator = try BlazePoseEstimator(models: BlazePoseModels(directory: models), options: options)
    }

    /// The size at which a session's next frame is looked at first.
    ///
    /// Frames are decoded ahead at the size of the last one, so it changes for a smaller one only where that is clearly enough: a
    /// person whose size wavers does not have every other frame decoded twice.
    func scale(for frame: EngineFrame) -> DecodeScale {
        guard !needsFullSize else { return .full }
        let picture = frame.shown
        let session = session(frame)
        let scale = Self.scale(
            pitch: session.tracker.pitch(width: picture.width, height: picture.height), last: session.scale)
        sessions[frame.session]?.scale = scale
        return scale
    }

    /// The size at which a session's first frame is looked at first.
    static let firstScale: @Sendable (_ width: Int, _ height: Int) -> DecodeScale = { width, height in
        scale(pitch: PoseTracker().pitch(width: width, height: height), last: .full)
    }

    private static func scale(pitch: Float, last: DecodeScale) -> DecodeScale {
        let clearly: Float = 1.25
        return min(DecodeScale(pitch: pitch), max(last, DecodeScale(pitch: pitch / clearly)))
    }

    /// The persons in each frame, without numbers.
    ///
    /// - Parameters:
    ///   - images: of each frame, its picture at the size at which it is looked at first.
    ///   - isShot: of each frame, whether it begins a shot.
    func find(in frames: [EngineFrame], images: [DecodedImage], isShot: [Bool]) throws -> [[Finding]] {
        let inputs = try zip(frames, zip(images, isShot)).map { frame, rest in
            let (image, isShot) = rest
            let session = session(frame)
            if isShot { session.tracker.cut() }
            session.tracker.isLive = frame.isLive
            return BlazePoseEstimator.Frame(
                tracker: session.tracker, image: try RGBImage(image, of: frame.shown),
                timestamp: Double(frame.captureTime.nanoseconds - session.start.nanoseconds) / 1e9)
        }
        return try estimator.process(inputs).map { $0.map { Finding(person: Person($0), mask: $0.mask) } }
    }

    /// The persons in a single picture, numbered from 1. With boxes: exactly one a box, in their order.
    func findStill(_ image: DecodedImage, boxes: [Messages.BoundingBox]) throws -> [Person] {
        let image = try RGBImage(image, width: image.width, height: image.height)
        let regions = boxes.map { BlazePose.BoundingBox(x: $0.x, y: $0.y, width: $0.width, height: $0.height) }
        let found =
            regions.isEmpty
            ? try estimator.detect(still: image) : try estimator.detect(still: image, boxes: regions)
        return found.map { one in
            var person = Person(one)
            person.trackID = UInt32(clamping: one.trackID)
            return person
        }
    }

    /// Forgets a session that has ended.
    func forget(_ session: SessionID) {
        sessions[session] = nil
    }

    private func session(_ frame: EngineFrame) -> Session {
        if let known = sessions[frame.session] { return known }
        let new = Session(start: frame.captureTime)
        sessions[frame.session] = new
        return new
    }

    // MARK: - Saving

    /// Writes where the persons of a session are.
    func save(_ id: SessionID, to writer: inout StateWriter) {
        guard let session = sessions[id] else { return }
        writer.write(Int(session.start.nanoseconds))
        writer.write(session.tracker.numbers)
    }

    /// Goes on with a session of another process.
    func restore(_ id: SessionID, from reader: inout StateReader) -> Bool {
        guard let start = reader.int(), let numbers = reader.doubles() else { return false }
        sessions[id] = Session(
            tracker: PoseTracker(numbers: numbers), start: Timestamp(nanoseconds: Int64(start)))
        return true
    }
}

extension EngineFrame {
    /// The picture of a frame that was decoded because the engine asks for pixels.
    var shown: FramePicture {
        guard let picture else { preconditionFailure("an engine that needs pixels was given a frame without them") }
        return picture
    }
}

extension RGBImage {
    /// A picture at one of its sizes, and at the others where they are asked for.
    fileprivate init(_ image: DecodedImage, of picture: FramePicture) throws(BlazePoseError) {
        try self.init(image, width: picture.width, height: picture.height) { pitch in
            try RGBImage(try picture.image(DecodeScale(pitch: pitch)), of: picture)
        }
    }

    /// The same pixels: nothing is copied, and the decoded image lives as long as this view of it.
    fileprivate init(
        _ image: DecodedImage, width: Int, height: Int, reduced: (@Sendable (Float) throws -> RGBImage)? = nil
    ) throws(BlazePoseError) {
        self = try image.withUnsafeBytes { pixels throws(BlazePoseError) in
            try RGBImage(
                width: width, height: height, reduction: image.scale.reduction, bytesPerRow: image.bytesPerRow,
                pixels: pixels, owner: image, reduced: reduced)
        }
    }
}

extension Person {
    fileprivate init(_ person: BlazePosePerson) {
        let box = person.boundingBox
        self.init(
            trackID: 0,
            score: person.score,
            bbox: Messages.BoundingBox(x: box.x, y: box.y, width: box.width, height: box.height),
            observed: person.observed,
            keypoints2D: person.keypoints.map { SIMD3($0.x, $0.y, $0.score) },
            keypoints3D: person.worldKeypoints.map { SIMD3($0.x, $0.y, $0.z) })
    }
}
