internal import Foundation

/// What the figure does: walking, waving, squatting, riding a board, one after the other, each easing into the next,
/// while it turns from side to side. A pure function of time.
struct Motion {
    /// Seconds that one activity lasts.
    static let activitySeconds: Float = 2.5
    private static let easeSeconds: Float = 0.6
    private static let activities: [@Sendable (Float) -> Pose] = [walk, wave, squat, ride, stretch]

    /// Shifts the programme, so that persons differ.
    var offset: Float

    func pose(at time: Float) -> Pose {
        let t = time + offset
        let cycle = Self.activitySeconds * Float(Self.activities.count)
        let place = t.truncatingRemainder(dividingBy: cycle)
        let current = min(Int(place / Self.activitySeconds), Self.activities.count - 1)
        let since = place - Float(current) * Self.activitySeconds
        let next = (current + 1) % Self.activities.count
        let blend = smoothstep(Self.activitySeconds - Self.easeSeconds, Self.activitySeconds, since)
        var pose = Pose()
        pose.add(Self.activities[current](t), weight: 1 - blend)
        pose.add(Self.activities[next](t), weight: blend)
        pose[.turn] += 0.65 * sin(2 * .pi * t / 7)
        pose[.headTurn] += 0.2 * sin(2 * .pi * t / 3.1)
        pose[.stepLeft] += 0.15 * sin(2 * .pi * t / 9)
        return pose
    }

    @Sendable private static func walk(_ t: Float) -> Pose {
        var pose = Pose()
        let phase = 2 * .pi * t / 1.1
        pose[.spineBend] = 0.06
        pose[.spineTwist] = 0.10 * sin(phase)
        for (side, shift) in [(Side.left, Float(0)), (.right, .pi)] {
            let swing = sin(phase + shift)
            pose[side, .hipFlexion] = 0.08 + 0.42 * swing
            // The knee bends most while the leg swings forward.
            pose[side, .kneeFlexion] = 0.12 + 0.75 * pow(max(0, cos(phase + shift)), 2)
            pose[side, .ankleFlexion] = 0.05 + 0.15 * swing
            pose[side, .shoulderFlexion] = -0.45 * swing
            pose[side, .shoulderAbduction] = 0.14
            pose[side, .elbowFlexion] = 0.45 - 0.25 * swing
        }
        return pose
    }

    @Sendable private static func wave(_ t: Float) -> Pose {
        var pose = Pose()
        let beat = sin(2 * .pi * t / 0.9)
        pose[both: .shoulderAbduction] = 0.18
        pose[both: .elbowFlexion] = 0.25
        pose[both: .hipAbduction] = 0.06
        pose[both: .kneeFlexion] = 0.06
        pose[both: .hipFlexion] = 0.03
        pose[.left, .shoulderAbduction] = 1.75
        pose[.left, .shoulderTwist] = -1.5
        pose[.left, .elbowFlexion] = 1.0 + 0.35 * beat
        pose[.spineLean] = 0.05 * beat
        return pose
    }

    @Sendable private static func squat(_ t: Float) -> Pose {
        var pose = Pose()
        let depth = 0.5 - 0.5 * cos(2 * .pi * t / 2.2)
        pose[both: .hipFlexion] = 1.15 * depth
        pose[both: .kneeFlexion] = 1.35 * depth
        pose[both: .ankleFlexion] = 0.45 * depth
        pose[both: .hipAbduction] = 0.16
        pose[both: .hipTwist] = 0.25
        pose[.pelvisTilt] = 0.25 * depth
        pose[.spineBend] = 0.15 * depth
        pose[.headNod] = -0.2 * depth
        pose[both: .shoulderFlexion] = 0.2 + 0.9 * depth
        pose[both: .shoulderAbduction] = 0.25
        pose[both: .elbowFlexion] = 0.4
        return pose
    }

    /// Side on, knees bent, arms out for balance.
    @Sendable private static func ride(_ t: Float) -> Pose {
        var pose = Pose()
        let sway = sin(2 * .pi * t / 1.7)
        pose[.turn] = 0.35
        pose[.headTurn] = -0.35
        pose[.pelvisLean] = 0.08 * sway
        pose[.spineLean] = -0.06 * sway
        pose[.spineBend] = 0.15
        pose[both: .hipFlexion] = 0.55 + 0.1 * sway
        pose[both: .kneeFlexion] = 0.75 + 0.15 * sway
        pose[both: .ankleFlexion] = 0.28
        pose[both: .hipAbduction] = 0.28
        pose[both: .shoulderAbduction] = 0.95 + 0.2 * sway
        pose[both: .shoulderFlexion] = 0.2
        pose[.left, .shoulderAbduction] = 0.95 - 0.25 * sway
        pose[both: .elbowFlexion] = 0.5
        return pose
    }

    /// Both arms up and down at the sides.
    @Sendable private static func stretch(_ t: Float) -> Pose {
        var pose = Pose()
        let lift = 0.5 - 0.5 * cos(2 * .pi * t / 2.1)
        pose[both: .shoulderAbduction] = 0.2 + 2.2 * lift
        pose[both: .elbowFlexion] = 0.3
        pose[both: .hipAbduction] = 0.10
        pose[both: .hipFlexion] = 0.03
        pose[both: .kneeFlexion] = 0.06
        pose[.spineTwist] = 0.1 * sin(2 * .pi * t / 1.9)
        return pose
    }
}
