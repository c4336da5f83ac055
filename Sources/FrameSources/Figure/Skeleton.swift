/// The rigid parts of the body.
enum Bone: Int, CaseIterable {
    case pelvis, chest, head
    case leftUpperArm, leftForearm, leftHand, rightUpperArm, rightForearm, rightHand
    case leftThigh, leftShank, leftFoot, rightThigh, rightShank, rightFoot

    /// The same part on the other side.
    var mirrored: Bone {
        switch self {
        case .pelvis, .chest, .head: self
        case .leftUpperArm, .leftForearm, .leftHand, .leftThigh, .leftShank, .leftFoot: Bone(rawValue: rawValue + 3)!
        default: Bone(rawValue: rawValue - 3)!
        }
    }
}

/// Where the joints of a standing adult of 1.75 m are: arms hanging, feet parallel, y = 0 at the ground.
///
/// Heights are the segment lengths of Drillis and Contini (as in D. Winter, Biomechanics and Motor Control of Human
/// Movement, figure 4.1): hip 0.53, knee 0.285, ankle 0.039, shoulder 0.818, eye 0.936 of the stature. Widths are
/// between joint centres: 0.36 m at the shoulders, 0.18 m at the hips.
enum Anatomy {
    static let height: Float = 1.75
    static let hip = Vector(0.09, 0.93, 0)
    static let knee = Vector(0.09, 0.50, 0.005)
    static let ankle = Vector(0.09, 0.075, -0.01)
    static let waist = Vector(0, 1.07, -0.01)
    static let neck = Vector(0, 1.49, -0.015)
    static let shoulder = Vector(0.18, 1.43, -0.005)
    static let elbow = Vector(0.18, 1.135, -0.005)
    static let wrist = Vector(0.18, 0.88, -0.005)
    /// The middle of the skull.
    static let skull = Vector(0, 1.635, 0.02)

    /// The point about which a bone turns.
    static func origin(of bone: Bone) -> Vector {
        let left: Vector
        switch bone {
        case .pelvis: return Vector(0, hip.y, 0)
        case .chest: return waist
        case .head: return neck
        case .leftUpperArm, .rightUpperArm: left = shoulder
        case .leftForearm, .rightForearm: left = elbow
        case .leftHand, .rightHand: left = wrist
        case .leftThigh, .rightThigh: left = hip
        case .leftShank, .rightShank: left = knee
        case .leftFoot, .rightFoot: left = ankle
        }
        return bone.mirrored.rawValue > bone.rawValue ? left : left * Vector(-1, 1, 1)
    }

    /// BlazePose's 33 landmarks: the bone each moves with, and its place on the standing body.
    static let landmarks: [(bone: Bone, place: Vector)] = {
        let both: (Bone, Vector) -> [(Bone, Vector)] = { [($0, $1), ($0.mirrored, $1 * Vector(-1, 1, 1))] }
        let face = { (x: Float, y: Float, z: Float) in skull + Vector(x, y, z) }
        let eye: [(Bone, Vector)] = [0.019, 0.032, 0.045].map { (.head, face($0, 0.005, 0.085)) }
        let hand = { (x: Float, y: Float, z: Float) in wrist + Vector(x, y, z) }
        return [(.head, face(0, -0.030, 0.118))] + eye + eye.map { ($0.0, $0.1 * Vector(-1, 1, 1)) }
            + both(.head, face(0.076, -0.010, -0.005)) + both(.head, face(0.026, -0.068, 0.085))
            + both(.leftUpperArm, shoulder) + both(.leftForearm, elbow) + both(.leftHand, wrist)
            + both(.leftHand, hand(0, -0.085, -0.034)) + both(.leftHand, hand(0, -0.095, 0.026))
            + both(.leftHand, hand(-0.015, -0.075, 0.055))
            + both(.leftThigh, hip) + both(.leftShank, knee) + both(.leftFoot, ankle)
            + both(.leftFoot, ankle + Vector(0, -0.055, -0.055)) + both(.leftFoot, ankle + Vector(-0.005, -0.06, 0.175))
    }()
}

/// Where a bone is: `rotation * (place - origin of the bone on the standing body) + origin`.
struct BonePlacement {
    var rotation = Rotation()
    var origin = Vector.zero
}

/// A posed skeleton in body space, standing on y = 0.
struct Skeleton {
    private(set) var bones: [BonePlacement]

    subscript(bone: Bone) -> BonePlacement { bones[bone.rawValue] }

    /// Forward kinematics from the pelvis outwards.
    init(_ pose: Pose) {
        bones = Array(repeating: BonePlacement(), count: Bone.allCases.count)
        let pelvis =
            Rotation.yaw(pose[.turn]) * Rotation.flexion(-pose[.pelvisTilt]) * Rotation.sideways(pose[.pelvisLean])
        bones[Bone.pelvis.rawValue] = BonePlacement(rotation: pelvis, origin: Anatomy.origin(of: .pelvis))
        attach(
            .chest, to: .pelvis,
            .yaw(pose[.spineTwist]) * .flexion(-pose[.spineBend]) * .sideways(pose[.spineLean]))
        attach(.head, to: .chest, .yaw(pose[.headTurn]) * .flexion(-pose[.headNod]))
        for side in Side.allCases {
            let (outwards, first): (Float, Int) = side == .left ? (1, 0) : (-1, 3)
            let bone = { (left: Bone) in Bone(rawValue: left.rawValue + first)! }
            let angle = { (joint: Pose.Limb) in pose[side, joint] }
            attach(
                bone(.leftUpperArm), to: .chest,
                .flexion(angle(.shoulderFlexion)) * .sideways(outwards * angle(.shoulderAbduction))
                    * .yaw(-outwards * angle(.shoulderTwist)))
            attach(bone(.leftForearm), to: bone(.leftUpperArm), .flexion(angle(.elbowFlexion)))
            attach(bone(.leftHand), to: bone(.leftForearm), .yaw(-outwards * angle(.forearmTwist)))
            attach(
                bone(.leftThigh), to: .pelvis,
                .flexion(angle(.hipFlexion)) * .sideways(outwards * angle(.hipAbduction))
                    * .yaw(outwards * angle(.hipTwist)))
            attach(bone(.leftShank), to: bone(.leftThigh), .flexion(-angle(.kneeFlexion)))
            attach(bone(.leftFoot), to: bone(.leftShank), .flexion(angle(.ankleFlexion)))
        }
        standOnGround()
        let shift = Vector(pose[.stepLeft], pose[.jump], pose[.stepForward])
        for index in bones.indices { bones[index].origin += shift }
    }

    /// Where a place on the standing body has moved to.
    func position(of place: Vector, on bone: Bone) -> Vector {
        let placement = self[bone]
        return placement.rotation * (place - Anatomy.origin(of: bone)) + placement.origin
    }

    private mutating func attach(_ bone: Bone, to parent: Bone, _ rotation: Rotation) {
        bones[bone.rawValue] = BonePlacement(
            rotation: self[parent].rotation * rotation, origin: position(of: Anatomy.origin(of: bone), on: parent))
    }

    /// Moves the body so that the lowest point of the soles touches the ground.
    private mutating func standOnGround() {
        var lowest = Float.infinity
        for foot in [Bone.leftFoot, .rightFoot] {
            for z in [-0.05, 0.13] as [Float] {
                let sole = Anatomy.origin(of: foot) + Vector(0, -Anatomy.ankle.y, z)
                lowest = min(lowest, position(of: sole, on: foot).y)
            }
        }
        for index in bones.indices { bones[index].origin.y -= lowest }
    }
}
