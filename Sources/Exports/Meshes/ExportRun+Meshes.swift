internal import Bodies
internal import Foundation
internal import Messages

extension ExportRun {
    /// One mesh file for each person of each frame, `STREAM-SEQUENCE-TRACK.obj` or `.ply`.
    func writeMeshes() throws {
        let model = try bodyModel()
        let folder = try folder()
        let world = WorldFrame(options, axes: options.cameraPose == nil ? .yUp : .asGiven)
        var without = 0
        for (recording, name) in zip(recordings, names) {
            try walk(recording) { outcome in
                let transform = world.transform(at: outcome.frame.sequence)
                for person in outcome.persons {
                    guard let smpl = person.body else {
                        without += 1
                        continue
                    }
                    let place = SIMD3<Double>(person.cameraTranslation ?? .zero)
                    guard (place.x + place.y + place.z).isFinite else {
                        without += 1
                        continue
                    }
                    let vertices = model.pose(
                        betas: smpl.betas, globalOrient: smpl.globalOrient, bodyPose: smpl.bodyPose
                    ).vertices.map { SIMD3<Float>(transform(SIMD3<Double>($0) + place)) }
                    let mesh = MeshFile(vertices: vertices, triangles: model.faces)
                    try write(
                        format == .obj ? mesh.obj() : mesh.ply(),
                        to: folder.appendingPathComponent(
                            "\(name)-\(outcome.frame.sequence)-\(person.trackID).\(format.rawValue)"))
                }
            }
        }
        try noteMissingBodies(without, written: summary.files)
    }

    /// The body model.
    ///
    /// - Throws: `ExportError` where there are no files, or what loading them throws.
    func bodyModel() throws -> BodyModel {
        guard let body = options.body else {
            throw ExportError(
                .unavailable,
                "--format \(format.rawValue) needs the SMPL body model, which is not installed here: see "
                    + "`posebus models fetch hmr2` and `posebus models add-smpl`")
        }
        return try body()
    }

    /// Says that persons have no body, where nobody has one as an error.
    func noteMissingBodies(_ without: Int, written: Int) throws(ExportError) {
        guard without > 0 else { return }
        guard written > 0 else {
            throw ExportError(
                .unavailable,
                "none of the \(without) persons has a body: only poses of --engine hmr2 have SMPL parameters. Run the "
                    + "video through `posebus up VIDEO --engine hmr2`, or take a format that needs none: json, csv, bvh, "
                    + "glb, openpose, coco or mp4")
        }
        summary.notes.append("\(without) persons without a body are left out")
    }
}

extension Person {
    /// The SMPL parameters, where there are as many as there should be, and all are numbers.
    var body: SMPLParameters? {
        guard let smpl, smpl.betas.count == 10, smpl.bodyPose.count == 207, smpl.globalOrient.count == 9,
            (smpl.betas + smpl.bodyPose + smpl.globalOrient).allSatisfy(\.isFinite)
        else { return nil }
        return smpl
    }
}
