internal import Foundation
internal import Messages

/// Which numbers a person has. Persons of one track are compared, smoothed and interpolated only where it is the same.
struct BodyLayout: Hashable, Sendable {
    let keypoints2D: Int
    let keypoints3D: Int
    /// SMPL's rotations: 24, or 0 where there is no body.
    let joints: Int
    /// Whether the person's place in front of the camera is known.
    let hasCamera: Bool

    /// Vectors a person has: the box, the camera, the keypoints.
    var points: Int { 2 + keypoints2D + keypoints3D }
    /// Where the keypoints begin among them.
    static let firstKeypoint = 2
}

/// A person's numbers as vectors, all of which are smoothed and interpolated in one way, and as rotations.
///
/// `points[0]` is the box: centre x, y, width, height in pixels. `points[1]` is the camera: x/z, y/z and ln z of the translation,
/// so that what is uncertain (depth) and what is not (the direction) are separate numbers; zeros where there is none. Then
/// keypoints_2d (x, y in pixels, 0, 0) and keypoints_3d (x, y, z in metres, 0).
struct BodyState {
    var points: [SIMD4<Double>]
    /// The root, then SMPL's 23 joints.
    var rotations: [Rotation]

    /// The numbers of a person; nil where one of them is no number: then nothing can be computed with the person.
    init?(_ person: Person, _ layout: BodyLayout) {
        let box = person.bbox
        points = [
            SIMD4(
                Double(box.x) + Double(box.width) / 2, Double(box.y) + Double(box.height) / 2, Double(box.width),
                Double(box.height)),
            .zero,
        ]
        if layout.hasCamera, let place = person.cameraTranslation {
            let z = Double(place.z)
            points[1] = SIMD4(Double(place.x) / z, Double(place.y) / z, log(z), 0)
        }
        points.reserveCapacity(layout.points)
        for point in person.keypoints2D { points.append(SIMD4(Double(point.x), Double(point.y), 0, 0)) }
        for point in person.keypoints3D {
            points.append(SIMD4(Double(point.x), Double(point.y), Double(point.z), 0))
        }
        rotations = []
        var sum = points.reduce(.zero, +).sum()
        if layout.joints > 0, let smpl = person.smpl {
            rotations.reserveCapacity(layout.joints)
            rotations.append(Rotation(rowMajor: smpl.globalOrient))
            for start in stride(from: 0, to: smpl.bodyPose.count, by: 9) {
                rotations.append(Rotation(rowMajor: smpl.bodyPose[start..<start + 9]))
            }
            sum += Double(smpl.bodyPose.reduce(0, +) + smpl.globalOrient.reduce(0, +))
        }
        guard sum.isFinite, box.height > 0, box.width > 0 else { return nil }
    }

    init(points: [SIMD4<Double>], rotations: [Rotation]) {
        self.points = points
        self.rotations = rotations
    }
}

extension BodyLayout {
    init(_ person: Person) {
        keypoints2D = person.keypoints2D.count
        keypoints3D = person.keypoints3D.count
        hasCamera = (person.cameraTranslation?.z ?? 0) > 0
        let hasBody =
            person.smpl.map { $0.globalOrient.count == 9 && $0.bodyPose.count.isMultiple(of: 9) } ?? false
        joints = hasBody ? 1 + (person.smpl?.bodyPose.count ?? 0) / 9 : 0
    }
}

extension Person {
    /// Takes over computed numbers; scores stay as they are.
    mutating func take(_ state: BodyState, _ layout: BodyLayout) {
        let box = state.points[0]
        bbox = BoundingBox(
            x: Float(box.x - box.z / 2), y: Float(box.y - box.w / 2), width: Float(box.z), height: Float(box.w))
        if layout.hasCamera {
            let camera = state.points[1]
            let z = exp(camera.z)
            cameraTranslation = SIMD3(Float(camera.x * z), Float(camera.y * z), Float(z))
        }
        let first = BodyLayout.firstKeypoint
        for index in keypoints2D.indices {
            let point = state.points[first + index]
            keypoints2D[index].x = Float(point.x)
            keypoints2D[index].y = Float(point.y)
        }
        for index in keypoints3D.indices {
            let point = state.points[first + layout.keypoints2D + index]
            keypoints3D[index] = SIMD3(Float(point.x), Float(point.y), Float(point.z))
        }
        guard layout.joints > 0 else { return }
        smpl?.globalOrient = state.rotations[0].rowMajor
        smpl?.bodyPose = state.rotations.dropFirst().flatMap(\.rowMajor)
    }
}
