internal import Foundation
internal import Refinement

/// A rig that moves as a person's keypoints do. Each bone points exactly where its keypoints say, and has its median
/// length, since a rig's bones do not stretch.
///
/// Where bones branch, a joint of length zero lets each have its own direction: the spine on the hips, the neck on the
/// chest. Keypoints do not say how a limb is turned about its own axis: each turns from its parent by the shortest way.
struct PointRig: RigMotion {
    let track: PointTrack
    let rig: Rig

    var id: UInt32 { track.id }
    var frames: ClosedRange<Int> { track.frames }

    /// The joints, parents first. Rest pose: arms out to the sides, face towards z.
    private enum Joint: Int, CaseIterable {
        case hips, spine, chest, neck, head
        case leftArm, leftForeArm, leftHand, rightArm, rightForeArm, rightHand
        case leftUpLeg, leftLeg, leftFoot, rightUpLeg, rightLeg, rightFoot

        var name: String {
            let word = "\(self)"
            return word.prefix(1).uppercased() + word.dropFirst()
        }

        var parent: Joint? {
            switch self {
            case .hips: nil
            case .spine, .leftUpLeg, .rightUpLeg: .hips
            case .chest: .spine
            case .neck, .leftArm, .rightArm: .chest
            case .head: .neck
            case .leftForeArm: .leftArm
            case .leftHand: .leftForeArm
            case .rightForeArm: .rightArm
            case .rightHand: .rightForeArm
            case .leftLeg: .leftUpLeg
            case .leftFoot: .leftLeg
            case .rightLeg: .rightUpLeg
            case .rightFoot: .rightLeg
            }
        }
    }

    /// A joint's bone: where it begins and ends in the body, and where it points at rest.
    private struct Bone: Sendable {
        let begin: @Sendable (BodyPoints) -> SIMD3<Double>
        let end: @Sendable (BodyPoints) -> SIMD3<Double>
        let rest: SIMD3<Double>

        func vector(_ body: BodyPoints) -> SIMD3<Double> { end(body) - begin(body) }
    }

    private static let (left, right, up, down, forward) = (
        SIMD3(1.0, 0, 0), SIMD3(-1.0, 0, 0), SIMD3(0, 1.0, 0), SIMD3(0, -1.0, 0), SIMD3(0, 0, 1.0)
    )

    /// Of the joints that turn one bone.
    private static let bones: [Joint: Bone] = {
        func bone(_ begin: BodyPoints.Point, _ end: BodyPoints.Point, _ rest: SIMD3<Double>) -> Bone {
            Bone(begin: { $0[begin] }, end: { $0[end] }, rest: rest)
        }
        return [
            .spine: Bone(begin: { $0.hips }, end: { $0.chest }, rest: up),
            .neck: Bone(begin: { $0.chest }, end: { $0.head }, rest: up),
            .leftArm: bone(.leftShoulder, .leftElbow, left), .leftForeArm: bone(.leftElbow, .leftWrist, left),
            .leftHand: bone(.leftWrist, .leftFingers, left),
            .rightArm: bone(.rightShoulder, .rightElbow, right), .rightForeArm: bone(.rightElbow, .rightWrist, right),
            .rightHand: bone(.rightWrist, .rightFingers, right),
            .leftUpLeg: bone(.leftHip, .leftKnee, down), .leftLeg: bone(.leftKnee, .leftAnkle, down),
            .leftFoot: bone(.leftAnkle, .leftToe, forward),
            .rightUpLeg: bone(.rightHip, .rightKnee, down), .rightLeg: bone(.rightKnee, .rightAnkle, down),
            .rightFoot: bone(.rightAnkle, .rightToe, forward),
        ]
    }()

    /// Where a joint lies on the bone before it, and how long that is.
    private static func reach(of joint: Joint, _ body: BodyPoints) -> Double {
        switch joint {
        case .leftUpLeg, .rightUpLeg: length(body[.leftHip] - body[.rightHip]) / 2
        case .leftArm, .rightArm: length(body[.leftShoulder] - body[.rightShoulder]) / 2
        case .hips, .spine, .neck: 0
        default: joint.parent.flatMap { bones[$0] }.map { length($0.vector(body)) } ?? 0
        }
    }

    init(_ track: PointTrack) {
        self.track = track
        var lengths = [[Float]](repeating: [], count: Joint.allCases.count)
        var ends = lengths
        var faces: [Float] = []
        track.forEachFrame { body in
            for joint in Joint.allCases {
                lengths[joint.rawValue].append(Float(Self.reach(of: joint, body)))
                if let bone = Self.bones[joint] { ends[joint.rawValue].append(Float(length(bone.vector(body)))) }
            }
            faces.append(Float(length(body[.nose] - body.head)))
        }
        func median(_ values: [Float]) -> Double { Double(values.sorted()[values.count / 2]) }
        let offsets = Joint.allCases.map { joint -> SIMD3<Double> in
            let length = median(lengths[joint.rawValue])
            switch joint {
            case .hips, .spine, .neck: return .zero
            case .leftUpLeg, .leftArm: return length * Self.left
            case .rightUpLeg, .rightArm: return length * Self.right
            default: return length * (joint.parent.flatMap { Self.bones[$0]?.rest } ?? .zero)
            }
        }
        var tips: [Int: SIMD3<Double>] = [Joint.head.rawValue: median(faces) * Self.forward]
        for joint in [Joint.leftHand, .rightHand, .leftFoot, .rightFoot] {
            tips[joint.rawValue] = median(ends[joint.rawValue]) * (Self.bones[joint]?.rest ?? .zero)
        }
        rig = Rig(
            names: Joint.allCases.map(\.name), parents: Joint.allCases.map { $0.parent?.rawValue ?? -1 },
            offsets: offsets, tips: tips)
    }

    func forEachFrame(_ body: (RigFrame) throws -> Void) rethrows {
        try track.forEachFrame { try body(Self.frame($0)) }
    }

    /// The rotations with which the rig's bones point where the body's do.
    static func frame(_ body: BodyPoints) -> RigFrame {
        // In what is written, then from the parent.
        var turned = [Rotation](repeating: .identity, count: Joint.allCases.count)
        for joint in Joint.allCases {
            let parent = joint.parent.map { turned[$0.rawValue] } ?? .identity
            turned[joint.rawValue] =
                switch joint {
                case .hips:
                    .axes(x: body[.leftHip] - body[.rightHip], nearY: body.chest - body.hips) ?? parent
                case .chest:
                    .axes(x: body[.leftShoulder] - body[.rightShoulder], nearY: body.chest - body.hips) ?? parent
                case .head:
                    .axes(z: body[.nose] - body.head, nearX: body[.leftEar] - body[.rightEar]) ?? parent
                default:
                    bones[joint].map { parent.swung($0.rest, towards: $0.vector(body)) } ?? parent
                }
        }
        let turns = Joint.allCases.map { joint in
            joint.parent.map { turned[$0.rawValue].inverse * turned[joint.rawValue] } ?? turned[joint.rawValue]
        }
        return RigFrame(root: body.hips, turns: turns)
    }
}

extension BodyPoints {
    /// The middle of the hips.
    var hips: SIMD3<Double> { (self[.leftHip] + self[.rightHip]) / 2 }
    /// The middle of the shoulders.
    var chest: SIMD3<Double> { (self[.leftShoulder] + self[.rightShoulder]) / 2 }
    /// The middle of the ears.
    var head: SIMD3<Double> { (self[.leftEar] + self[.rightEar]) / 2 }
}

func length(_ vector: SIMD3<Double>) -> Double { (vector * vector).sum().squareRoot() }

/// Nil where the vector is too short to have a direction.
private func direction(_ vector: SIMD3<Double>) -> SIMD3<Double>? {
    let size = length(vector)
    return size > 1e-9 && size.isFinite ? vector / size : nil
}

extension Rotation {
    /// The rotation whose x axis points along one vector and whose y axis as near as possible to another; nil where they do
    /// not say.
    static func axes(x: SIMD3<Double>, nearY: SIMD3<Double>) -> Rotation? {
        guard let x = direction(x), let z = direction(x.cross(nearY)) else { return nil }
        return Rotation(columns: x, z.cross(x), z)
    }

    /// The rotation whose z axis points along one vector and whose x axis as near as possible to another.
    static func axes(z: SIMD3<Double>, nearX: SIMD3<Double>) -> Rotation? {
        guard let z = direction(z), let y = direction(z.cross(nearX)) else { return nil }
        return Rotation(columns: y.cross(z), y, z)
    }

    private init(columns x: SIMD3<Double>, _ y: SIMD3<Double>, _ z: SIMD3<Double>) {
        self.init(rowMajor: [x.x, y.x, z.x, x.y, y.y, z.y, x.z, y.z, z.z].map(Float.init))
    }

    /// This rotation, turned on by the shortest way so that it takes `rest` to where `target` points.
    func swung(_ rest: SIMD3<Double>, towards target: SIMD3<Double>) -> Rotation {
        guard let target = direction(target) else { return self }
        let now = self(rest)
        let axis = now.cross(target)
        let (sine, cosine) = (length(axis), (now * target).sum())
        let angle = atan2(sine, cosine)
        if let axis = direction(axis) { return Rotation(exp: angle * axis) * self }
        guard cosine < 0 else { return self }
        // Half a turn, about any axis at right angles.
        let any = direction(now.cross(SIMD3(0, 0, 1))) ?? SIMD3(0, 1, 0)
        return Rotation(exp: .pi * any) * self
    }
}
