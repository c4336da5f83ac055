internal import Refinement

/// How one person's rig moves, from the first frame to the last without a gap.
protocol RigMotion {
    var id: UInt32 { get }
    var rig: Rig { get }
    /// The frames of the recording that it spans.
    var frames: ClosedRange<Int> { get }

    /// Calls `body` with each frame, in order.
    func forEachFrame(_ body: (RigFrame) throws -> Void) rethrows
}

/// A rig in one frame.
struct RigFrame {
    /// Of the root, metres, y up.
    var root: SIMD3<Double>
    /// From each joint's parent.
    var turns: [Rotation]
}

extension RigFrame {
    /// Where the joints are.
    func places(_ rig: Rig) -> [SIMD3<Double>] {
        var (places, turned): ([SIMD3<Double>], [Rotation]) = ([], [])
        for (joint, parent) in rig.parents.enumerated() {
            places.append(parent < 0 ? root : places[parent] + turned[parent](rig.offsets[joint]))
            turned.append(parent < 0 ? turns[joint] : turned[parent] * turns[joint])
        }
        return places
    }
}
