/// What the tracker goes by in one person of one frame. Which terms say something depends on the engine; one that says
/// nothing has the same value for everybody, or none.
package struct TrackTerms<Appearance> {
    /// Where the root of the body (SMPL's origin, the middle of the hips) is seen: x and y as parts of the side of the
    /// square around the upright frame, in which the frame lies centred.
    package var location: SIMD2<Double>
    /// Where it is in the camera of the full image, metres: x right, y down, z forward. Of z only ratios count.
    package var camera: SIMD3<Double>
    /// The detector's score, 0 to 1.
    package var confidence: Double
    /// The pose as one vector, such that the squared distance of two says how much they differ: SMPL's 24 rotation
    /// matrices and 10 betas (226 numbers), or what `TorsoPose` makes of joints.
    package var pose: [Float]
    /// What the person looks like, in the form of the tracker's `TrackingModel`.
    package var appearance: Appearance

    /// Terms.
    package init(
        location: SIMD2<Double>, camera: SIMD3<Double>, confidence: Double, pose: [Float], appearance: Appearance
    ) {
        self.location = location
        self.camera = camera
        self.confidence = confidence
        self.pose = pose
        self.appearance = appearance
    }
}

/// One observation that a track remembers.
package struct TrackObservation: Sendable, Equatable {
    /// The frame's number.
    package var time: Int
    /// As in `TrackTerms`.
    package var location: SIMD2<Double>
    /// As in `TrackTerms`.
    package var camera: SIMD3<Double>
    /// As in `TrackTerms`.
    package var pose: [Float]
}

/// What of the tracker depends on the engine: how appearances compare and how a pose goes on.
package protocol TrackingModel {
    /// What a person looks like.
    associatedtype Appearance

    /// How much each track's appearance differs from each detection's: a square, in the unit of PHALP's texture distance,
    /// where `TrackingCost` weighs it.
    func distances(_ tracks: [Appearance], _ detections: [Appearance]) throws -> [[Double]]

    /// A track's appearance after one more observation of it.
    func mixed(_ old: Appearance, with new: Appearance, confidence: Double) throws -> Appearance

    /// The pose that each track will have.
    ///
    /// - Parameters:
    ///   - histories: `PersonTracker.Options.history` observations a track, the oldest first.
    ///   - times: the frame that each is wanted for.
    func poses(_ histories: [[TrackObservation]], at times: [Int]) throws -> [[Float]]

    /// An appearance as bytes, to be saved; empty where it is not worth it.
    func bytes(_ appearance: Appearance) -> [UInt8]

    /// An appearance from bytes that `bytes` made; nil where they are none.
    func appearance(bytes: [UInt8]) -> Appearance?
}

extension TrackingModel {
    /// A pose that stays as it was last seen.
    package func poses(_ histories: [[TrackObservation]], at times: [Int]) -> [[Float]] {
        histories.map { $0.last?.pose ?? [] }
    }
}
