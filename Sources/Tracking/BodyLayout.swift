/// Where a skeleton's list of keypoints has the joints that the tracker looks at.
package struct BodyLayout: Sendable, Equatable {
    package var leftShoulder, rightShoulder, leftElbow, rightElbow, leftWrist, rightWrist: Int
    package var leftHip, rightHip, leftKnee, rightKnee, leftAnkle, rightAnkle: Int
    package var leftEar, rightEar: Int

    /// BlazePose's 33 landmarks.
    package static let blazepose33 = BodyLayout(
        leftShoulder: 11, rightShoulder: 12, leftElbow: 13, rightElbow: 14, leftWrist: 15, rightWrist: 16,
        leftHip: 23, rightHip: 24, leftKnee: 25, rightKnee: 26, leftAnkle: 27, rightAnkle: 28, leftEar: 7, rightEar: 8)
    /// 4D-Humans' 44 keypoints.
    package static let smpl44 = BodyLayout(
        leftShoulder: 5, rightShoulder: 2, leftElbow: 6, rightElbow: 3, leftWrist: 7, rightWrist: 4,
        leftHip: 12, rightHip: 9, leftKnee: 13, rightKnee: 10, leftAnkle: 14, rightAnkle: 11, leftEar: 18, rightEar: 17)

    /// The layout of a skeleton by its name in outcomes; nil for one that is not known.
    package init?(skeleton: String) {
        switch skeleton {
        case "blazepose33": self = .blazepose33
        case "smpl44": self = .smpl44
        default: return nil
        }
    }

    private init(
        leftShoulder: Int, rightShoulder: Int, leftElbow: Int, rightElbow: Int, leftWrist: Int, rightWrist: Int,
        leftHip: Int, rightHip: Int, leftKnee: Int, rightKnee: Int, leftAnkle: Int, rightAnkle: Int, leftEar: Int,
        rightEar: Int
    ) {
        (self.leftShoulder, self.rightShoulder) = (leftShoulder, rightShoulder)
        (self.leftElbow, self.rightElbow) = (leftElbow, rightElbow)
        (self.leftWrist, self.rightWrist) = (leftWrist, rightWrist)
        (self.leftHip, self.rightHip) = (leftHip, rightHip)
        (self.leftKnee, self.rightKnee) = (leftKnee, rightKnee)
        (self.leftAnkle, self.rightAnkle) = (leftAnkle, rightAnkle)
        (self.leftEar, self.rightEar) = (leftEar, rightEar)
    }

    /// One more than the largest place.
    package var count: Int {
        [
            leftShoulder, rightShoulder, leftElbow, rightElbow, leftWrist, rightWrist, leftHip, rightHip, leftKnee,
            rightKnee, leftAnkle, rightAnkle, leftEar, rightEar,
        ].reduce(0, max) + 1
    }
}
