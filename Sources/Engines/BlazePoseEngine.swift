internal import BlazePose
package import Foundation
package import JPEG
package import Messages
internal import Tensor

/// Engine `blazepose`: MediaPipe's BlazePose GHUM, one tracker a session.
package final class BlazePoseEngine: PoseEngine {
    package let name = "blazepose"
    package let skeleton = Skeleton.blazepose33.name
    package let needsPixels = true

    private let estimator: BlazePoseEstimator
    private var sessions: [SessionID: Session] = [:]

    /// What is kept of a session.
    private struct Session {
        let tracker = PoseTracker()
        /// The first frame's. Times are counted from it: as seconds since 1970 they would lose the digits in which the
        /// frames of one clip, fed twice, are alike, and so would its poses.
        let start: Timestamp
    }

    /// Loads the two weight files.
    ///
    /// - Parameters:
    ///   - models: the folder that holds them.
    ///   - threads: how many threads one computation may use.
    /// - Throws: an error that names a missing or altered file and the command that fetches it.
    package init(models: URL, threads: Int) throws {
        try TorchRuntime.setThreads(threads)
        var options = BlazePoseOptions()
        options.threads = threads
        estimator = try BlazePoseEstimator(models: BlazePoseModels(directory: models), options: options)
    }

    package func process(_ frames: [EngineFrame]) throws -> [[Person]] {
        let inputs = try frames.map { frame in
            guard let image = frame.image else { preconditionFailure("blazepose was given a frame without pixels") }
            let session = session(frame)
            return BlazePoseEstimator.Frame(
                tracker: session.tracker, image: try RGBImage(image),
                timestamp: Double(frame.captureTime.nanoseconds - session.start.nanoseconds) / 1e9)
        }
        return try estimator.process(inputs).map { $0.map(Person.init) }
    }

    package func processStill(_ image: DecodedImage, boxes: [Messages.BoundingBox]) throws -> [Person] {
        let image = try RGBImage(image)
        if boxes.isEmpty { return try estimator.detect(still: image).map(Person.init) }
        let regions = boxes.map { BlazePose.BoundingBox(x: $0.x, y: $0.y, width: $0.width, height: $0.height) }
        return try estimator.detect(still: image, boxes: regions).map(Person.init)
    }

    package func forget(_ session: SessionID) {
        sessions[session] = nil
    }

    private func session(_ frame: EngineFrame) -> Session {
        if let known = sessions[frame.session] { return known }
        let new = Session(start: frame.captureTime)
        sessions[frame.session] = new
        return new
    }
}

extension RGBImage {
    /// The same pixels: nothing is copied, and the decoded image lives as long as this view of it.
    fileprivate init(_ image: DecodedImage) throws(BlazePoseError) {
        self = try image.withUnsafeBytes { pixels throws(BlazePoseError) in
            try RGBImage(
                width: image.width, height: image.height, bytesPerRow: image.bytesPerRow, pixels: pixels, owner: image)
        }
    }
}

extension Person {
    fileprivate init(_ person: BlazePosePerson) {
        let box = person.boundingBox
        self.init(
            trackID: UInt32(clamping: person.trackID),
            score: person.score,
            bbox: Messages.BoundingBox(x: box.x, y: box.y, width: box.width, height: box.height),
            observed: person.observed,
            keypoints2D: person.keypoints.map { SIMD3($0.x, $0.y, $0.score) },
            keypoints3D: person.worldKeypoints.map { SIMD3($0.x, $0.y, $0.z) })
    }
}
