/// One person in one picture.
public struct BlazePosePerson: Sendable {
    /// A joint in the picture.
    public struct Keypoint2D: Sendable, Equatable {
        /// Pixels, to the right; may lie outside the picture.
        public var x: Float
        /// Pixels, downwards.
        public var y: Float
        /// Probability that the joint is in the picture and not hidden, 0…1.
        public var score: Float
        /// Probability that the joint is in the picture, hidden or not, 0…1.
        public var presence: Float
        /// Depth in the scale of pixels, smaller is nearer, zero at the middle of the hips.
        public var depth: Float
    }

    /// A joint of the body in metres, from the middle of the hips: x to the picture's right, y down, z away from the
    /// camera.
    public struct Keypoint3D: Sendable, Equatable {
        /// Metres, to the right.
        public var x: Float
        /// Metres, downwards.
        public var y: Float
        /// Metres, away from the camera.
        public var z: Float
    }

    /// The person's number within its stream, from 1; kept while the person is followed.
    public var trackID: Int
    /// The landmark model's belief that this is a person, 0…1.
    public var score: Float
    /// Around the person's visible body, within the picture.
    public var boundingBox: BoundingBox
    /// False only for a person that is predicted, not seen; this module reports none such.
    public var observed: Bool
    /// 33 joints in the picture, in the order of `BlazePoseSkeleton.jointNames`.
    public var keypoints: [Keypoint2D]
    /// The same joints in metres.
    public var worldKeypoints: [Keypoint3D]
    /// The region of the picture that the landmark model looked at.
    public var region: PoseRegion
    /// The person's pixels, when `BlazePoseOptions.masks` asks for them.
    public var mask: PersonMask?

    package init(trackID: Int, estimate: PoseEstimate, boundingBox: BoundingBox) {
        self.trackID = trackID
        score = estimate.score
        self.boundingBox = boundingBox
        observed = true
        keypoints = estimate.landmarks.map {
            Keypoint2D(
                x: $0.position.x, y: $0.position.y, score: $0.visibility, presence: $0.presence, depth: $0.depth)
        }
        worldKeypoints = estimate.world.map { Keypoint3D(x: $0.x, y: $0.y, z: $0.z) }
        region = estimate.region
        mask = estimate.mask
    }
}

extension PoseEstimate {
    /// The box around the person's body, not yet cut at the picture's edges.
    ///
    /// From the mask where there is one. Otherwise from the landmarks: they end at the eyes and inside the limbs, so
    /// the top of the head is continued from the ears and a small margin added for flesh and clothes.
    package var bodyBox: BoundingBox {
        if let box = mask?.boundingBox(near: landmarks) { return box }
        var points = landmarks.map(\.position)
        if landmarks.count >= 13 {
            let ears = (landmarks[7].position + landmarks[8].position) * 0.5
            let shoulders = (landmarks[11].position + landmarks[12].position) * 0.5
            points.append(ears + (ears - shoulders) * PoseEstimate.crown)
        }
        let box = BoundingBox(around: points) ?? BoundingBox(x: region.centerX, y: region.centerY, width: 0, height: 0)
        return box.expanded(by: PoseEstimate.flesh * max(box.width, box.height))
    }

    /// From the ears to the top of the head, as a part of the distance from the shoulders to the ears.
    private static let crown: Float = 0.8
    /// As a part of the box's longer side.
    private static let flesh: Float = 0.04
}
