internal import Bodies
internal import Refinement

/// SMPL's 24 joints as a rig of one person's shape.
struct BodyRig: RigMotion {
    let track: BodyTrack
    let rig: Rig

    var id: UInt32 { track.id }
    var frames: ClosedRange<Int> { track.frames }

    /// SMPL's joints, in its order.
    static let names = [
        "Pelvis", "L_Hip", "R_Hip", "Spine1", "L_Knee", "R_Knee", "Spine2", "L_Ankle", "R_Ankle", "Spine3", "L_Foot",
        "R_Foot", "Neck", "L_Collar", "R_Collar", "Head", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist",
        "R_Wrist", "L_Hand", "R_Hand",
    ]

    init(_ track: BodyTrack, _ model: BodyModel) {
        self.track = track
        let joints = model.restJoints(betas: track.betas).map { SIMD3<Double>($0) }
        let offsets = joints.indices.map { joint in
            model.parents[joint] < 0 ? .zero : joints[joint] - joints[model.parents[joint]]
        }
        let isParent = Set(model.parents)
        rig = Rig(
            names: Self.names, parents: model.parents, offsets: offsets,
            // SMPL has no joint there: the bone goes on as far again.
            tips: Dictionary(
                uniqueKeysWithValues: joints.indices.filter { !isParent.contains($0) }.map { ($0, offsets[$0]) }))
    }

    func forEachFrame(_ body: (RigFrame) throws -> Void) rethrows {
        try track.forEachFrame { try body(RigFrame(root: $0.pelvis, turns: $0.turns)) }
    }
}
