/// One landmark in pixels of the picture.
package struct Landmark: Sendable, Equatable {
    package var position: Point
    /// Depth in pixels, smaller is nearer, zero at the middle of the hips.
    package var depth: Float
    /// Probability that it is in the picture and not hidden, 0…1.
    package var visibility: Float
    /// Probability that it is in the picture, 0…1.
    package var presence: Float

    package init(position: Point, depth: Float, visibility: Float, presence: Float) {
        self.position = position
        self.depth = depth
        self.visibility = visibility
        self.presence = presence
    }
}

/// What the landmark model says about one region of a picture.
package struct PoseEstimate: Sendable {
    /// The model's own belief that a person is in the region (its "pose flag"), 0…1.
    package var score: Float
    /// 33 landmarks in pixels of the picture.
    package var landmarks: [Landmark]
    /// The same 33 in metres from the middle of the hips, along the picture's axes.
    package var world: [SIMD3<Float>]
    /// Middle of the hips, and the point that encodes the body's size and inclination, in pixels: the next region.
    package var alignment: (hips: Point, scale: Point)
    /// The region that was looked at.
    package var region: PoseRegion
    /// Which pixels are the person, when asked for.
    package var mask: PersonMask?

    package init(
        score: Float, landmarks: [Landmark], world: [SIMD3<Float>], alignment: (hips: Point, scale: Point),
        region: PoseRegion, mask: PersonMask? = nil
    ) {
        self.score = score
        self.landmarks = landmarks
        self.world = world
        self.alignment = alignment
        self.region = region
        self.mask = mask
    }

    /// The region that the body itself asks for.
    package var bodyRegion: PoseRegion { PoseRegion(hips: alignment.hips, scale: alignment.scale) }

    /// Median distance between the landmarks of two estimates, as a part of the body region's side.
    package func deviation(from other: PoseEstimate) -> Float {
        let distances = zip(landmarks, other.landmarks).map { $0.position.distance(to: $1.position) }.sorted()
        guard !distances.isEmpty else { return .infinity }
        return distances[distances.count / 2] / max(bodyRegion.size, 1)
    }
}
