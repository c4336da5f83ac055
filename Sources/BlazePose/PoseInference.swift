/// A square of a picture for a network to look at.
package struct Crop: Sendable {
    package var image: RGBImage
    package var region: PoseRegion

    package init(image: RGBImage, region: PoseRegion) {
        self.image = image
        self.region = region
    }
}

/// The two networks, as tracking sees them: the published models, or a made-up scene in the tests.
package protocol PoseInference {
    /// Persons in each crop, best first, in pixels of its picture.
    func detections(in crops: [Crop], threshold: Float) throws -> [[PoseDetection]]
    /// The pose in each crop, in pixels of its picture, whatever its score.
    func estimates(in crops: [Crop]) throws -> [PoseEstimate]
    /// Begins what `detections` does, beside whatever is asked next; nil where nothing can run beside anything.
    func startDetections(in crops: [Crop], threshold: Float) -> (any DetectionsAhead)?
}

extension PoseInference {
    package func startDetections(in crops: [Crop], threshold: Float) -> (any DetectionsAhead)? { nil }
}

/// Detections that were begun before it was certain that they would be wanted.
package protocol DetectionsAhead {
    /// Waits for them.
    func value() throws -> [[PoseDetection]]
    /// Says that they are not wanted.
    func cancel()
}
