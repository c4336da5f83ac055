/// Where the joints of a rendered person are: exact, because the picture was made from them.
///
/// The 33 joints are in the order of `KnownPerson.jointNames`, which is BlazePose's. Main joints are the centres of
/// anatomical joints (glenohumeral, elbow, wrist, hip, knee, ankle); eyes, ears, nose and mouth lie on the skin.
package struct KnownPerson: Codable, Sendable, Equatable {
    /// The same person in every frame of a source.
    package var id: Int
    /// Body height when standing, in metres.
    package var height: Float
    /// The height in the picture of somebody as tall, standing upright where the hips are, in pixels: the measure for 2D errors.
    package var heightInPixels: Float
    /// [x, y] in pixels, origin at the top left corner of the image.
    package var keypoints2D: [SIMD2<Float>]
    /// [x, y, z] in metres in camera axes: x right, y down, z forward, origin at the camera.
    package var keypoints3D: [SIMD3<Float>]
    /// Whether a joint is inside the image and not behind the person's own body or another's.
    package var isVisible: [Bool]
    /// [x, y, width, height] in pixels of everything that was drawn of the person.
    package var bbox: [Float]

    enum CodingKeys: String, CodingKey {
        case id
        case height
        case heightInPixels = "height_px"
        case keypoints2D = "keypoints_2d"
        case keypoints3D = "keypoints_3d"
        case isVisible = "visible"
        case bbox
    }

    /// Names of the joints, in order. Source: the landmark list in MediaPipe's pose documentation.
    package static let jointNames = [
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
        "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
        "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
        "left_heel", "right_heel", "left_foot_index", "right_foot_index",
    ]
    /// Shoulders, elbows, wrists, hips, knees, ankles: the joints that errors are reported over.
    package static let mainJoints = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
}

/// One line of a joints file: the persons of one frame.
package struct KnownFrame: Codable, Sendable, Equatable {
    package var frame: Int
    package var width: Int
    package var height: Int
    package var persons: [KnownPerson]

    package init(frame: Int, width: Int, height: Int, persons: [KnownPerson]) {
        self.frame = frame
        self.width = width
        self.height = height
        self.persons = persons
    }
}
