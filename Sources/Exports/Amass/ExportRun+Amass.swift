internal import Foundation
internal import Messages
internal import Refinement

extension ExportRun {
    /// AMASS's arrays, one file a person: `STREAM-TRACK.npz`.
    ///
    /// Source: Mahmood et al., "AMASS: Archive of Motion Capture as Surface Shapes", 2019, whose files hold SMPL-H poses:
    /// 22 joints of the body, which SMPL shares, and 30 of the fingers, which stay at rest here.
    func writeAMASS() throws {
        let folder = try folder()
        let world = WorldFrame(options, axes: .zUp)
        var without = 0
        for (recording, name) in zip(recordings, names) {
            var timeline = Timeline()
            let spool = try TrackSpool(width: BodyTrack.width)
            try walk(recording) { outcome in
                for person in outcome.persons {
                    if let values = BodyTrack.values(of: person, skeleton: outcome.skeleton, in: outcome.frame, world) {
                        try spool.append(
                            person.trackID, frame: timeline.count, isObserved: person.observed, values)
                    } else {
                        without += 1
                    }
                }
                timeline.append(outcome.frame)
            }
            for id in spool.tracks {
                let track = BodyTrack(id, try spool.samples(of: id))
                try write(track, timeline, to: folder.appendingPathComponent("\(name)-\(id).npz"))
            }
        }
        try noteMissingBodies(without, written: summary.files)
    }

    private func write(_ track: BodyTrack, _ timeline: Timeline, to url: URL) throws {
        let archive = try ZipFile(url)
        let count = track.frames.count
        let rate = timeline.frameRate(options.frameRate)
        /// One row a frame.
        func rows(_ name: String, _ width: Int, _ row: (BodyTrack.Frame) -> [SIMD3<Double>]) throws {
            try archive.add(array: name, .double, [count, width]) {
                try track.forEachFrame { frame in
                    var bytes: [UInt8] = []
                    let vectors = row(frame)
                    for vector in vectors { for axis in 0..<3 { bytes.append(double: vector[axis]) } }
                    for _ in (3 * vectors.count)..<width { bytes.append(double: 0) }
                    try archive.write(bytes)
                }
            }
        }
        func flags(_ name: String, _ flag: (BodyTrack.Frame) -> Bool) throws {
            try archive.add(array: name, .bool, [count]) {
                try track.forEachFrame { try archive.write([flag($0) ? 1 : 0]) }
            }
        }
        func integers(_ name: String, _ values: some Sequence<Int64>) throws {
            try archive.add(array: name, .int64, [count]) {
                var bytes: [UInt8] = []
                for value in values { bytes.append(littleEndian: value) }
                try archive.write(bytes)
            }
        }
        // SMPL adds `trans` to what turned about the pelvis at rest.
        try rows("trans", 3) { [$0.pelvis - track.restPelvis] }
        try archive.add(array: "gender", text: "neutral")
        try archive.add(array: "surface_model_type", text: "smplh")
        // The older and the newer name: readers ask for one or the other.
        try archive.add(array: "mocap_framerate", [], [rate])
        try archive.add(array: "mocap_frame_rate", [], [rate])
        try archive.add(array: "mocap_time_length", [], [Double(count) / rate])
        try archive.add(array: "betas", [16], track.betas.map(Double.init) + [Double](repeating: 0, count: 6))
        try rows("poses", 156) { $0.turns.prefix(22).map(\.log) }
        try rows("root_orient", 3) { [$0.turns[0].log] }
        try rows("pose_body", 63) { $0.turns[1..<22].map(\.log) }
        try rows("dmpls", 8) { _ in [] }
        try rows("posebus_smpl_poses", 72) { $0.turns.map(\.log) }
        try flags("posebus_observed") { $0.isObserved }
        try flags("posebus_filled") { $0.isFilled }
        try integers("posebus_sequence", track.frames.lazy.map { Int64(clamping: timeline.sequences[$0]) })
        try integers("posebus_capture_time_ns", track.frames.lazy.map { timeline.times[$0] })
        try archive.add(array: "posebus_track_id", [], [Double(track.id)])
        try archive.close()
        summary.files += 1
    }
}
