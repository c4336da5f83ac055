enum Side: CaseIterable {
    case left, right
}

/// The angles of all joints (radians) and the place of the body (metres): a vector, so that poses blend.
struct Pose {
    enum Trunk: Int, CaseIterable {
        case turn, pelvisTilt, pelvisLean, spineTwist, spineBend, spineLean, headTurn, headNod
        case stepLeft, stepForward, jump
    }

    enum Limb: Int, CaseIterable {
        case shoulderFlexion, shoulderAbduction, shoulderTwist, elbowFlexion, forearmTwist
        case hipFlexion, hipAbduction, hipTwist, kneeFlexion, ankleFlexion
    }

    private static let limbStart = Trunk.allCases.count
    private var values = [Float](repeating: 0, count: limbStart + 2 * Limb.allCases.count)

    subscript(_ joint: Trunk) -> Float {
        get { values[joint.rawValue] }
        set { values[joint.rawValue] = newValue }
    }

    subscript(_ side: Side, _ joint: Limb) -> Float {
        get { values[Self.index(side, joint)] }
        set { values[Self.index(side, joint)] = newValue }
    }

    /// Sets a joint on both sides.
    subscript(both joint: Limb) -> Float {
        get { self[.left, joint] }
        set {
            self[.left, joint] = newValue
            self[.right, joint] = newValue
        }
    }

    mutating func add(_ other: Pose, weight: Float) {
        for index in values.indices { values[index] += weight * other.values[index] }
    }

    private static func index(_ side: Side, _ joint: Limb) -> Int {
        limbStart + (side == .left ? 0 : Limb.allCases.count) + joint.rawValue
    }
}
