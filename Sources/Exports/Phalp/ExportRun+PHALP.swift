internal import Foundation
internal import Messages

extension ExportRun {
    /// The dictionary of frames that PHALP writes: for each frame lists with one entry a person. Persons whom the tracker
    /// never confirmed are left out, as there. What only PHALP's own networks know (`appe`, `loca`, `pose`, `uv`) is not in
    /// it, and the masks are None.
    ///
    /// Source: PHALP, `phalp/trackers/PHALP.py` (`track`, `get_human_features`), `phalp/models/hmar/hmar.py`
    /// (`get_3d_parameters`).
    func writePHALP() throws {
        let names = names
        var (with, without) = (0, 0)
        var place = 0
        try eachRecordingToItsFile { recording, url in
            let name = names[place]
            place += 1
            var confirmed: Set<UInt32> = []
            try walk(recording, isCounted: false) { outcome in
                for person in outcome.persons where person.state != .tentative { confirmed.insert(person.trackID) }
            }
            let file = try ExportFile(url)
            var pickle = PickleWriter()
            var lastSeen: [UInt32: Int] = [:]
            var time = 0
            pickle.begin()
            pickle.dictionary()
            try walk(recording) { outcome in
                var persons: [PHALPPerson] = []
                for person in outcome.persons where confirmed.contains(person.trackID) {
                    if person.observed { lastSeen[person.trackID] = time }
                    guard
                        let one = PHALPPerson(
                            person, skeleton: outcome.skeleton, frame: outcome.frame,
                            framesUnseen: time - (lastSeen[person.trackID] ?? time))
                    else {
                        without += 1
                        continue
                    }
                    persons.append(one)
                    with += 1
                }
                let path = "\(name)/\(String(format: "%012llu", outcome.frame.sequence.value)).jpg"
                pickle.entry(path) { $0.frame(persons, path: path, time: time, outcome) }
                time += 1
                try file.write(pickle.take())
            }
            pickle.end()
            try file.write(pickle.take())
            if place == recordings.count { try noteMissingBodies(without, written: with) }
            try file.close()
            summary.files += 1
        }
    }
}

/// One person as PHALP gives it.
private struct PHALPPerson {
    let person: Person
    let body: SMPLParameters
    let framesUnseen: Int
    /// Where the body stands in PHALP's camera: focal length 5000 on a padded picture of 256 pixels.
    let camera: SIMD3<Float>
    /// The same in the crop's own weak perspective: scale, x, y.
    let cropCamera: SIMD3<Float>
    /// 44 keypoints and the body's origin, (45, 3) metres.
    let joints: [SIMD3<Float>]
    /// Where they are in the padded picture, 0 to 1, (45, 2).
    let places: [SIMD2<Float>]

    private static let focalLength: Float = 5000
    private static let resolution: Float = 256

    init?(_ person: Person, skeleton: String, frame: FrameHeader, framesUnseen: Int) {
        guard let body = person.body, let translation = person.cameraTranslation, let focalLength = person.focalLength,
            skeleton == Skeleton.smpl44.name, person.keypoints3D.count == 44, frame.width > 0, frame.height > 0
        else { return nil }
        self.person = person
        self.body = body
        self.framesUnseen = framesUnseen
        let side = Float(max(frame.width, frame.height))
        let ratio = Self.resolution / side
        // The same picture from another focal length: further away by as much.
        let distance = translation.z * Self.focalLength / (focalLength * ratio)
        camera = SIMD3(translation.x, translation.y, distance)
        let corner = SIMD2(side - Float(frame.width), side - Float(frame.height)) / 2
        let box = person.bbox
        let center = (SIMD2(box.x + box.width / 2, box.y + box.height / 2) + corner) * ratio
        let scale = max(box.width, box.height) * ratio
        let shift = (center - Self.resolution / 2) * distance / Self.focalLength
        cropCamera = SIMD3(
            2 * Self.focalLength / max(distance * scale, 1e-9), camera.x - shift.x, camera.y - shift.y)
        joints = person.keypoints3D + [.zero]
        let seen = camera
        places = joints.map { joint in
            let point = joint + seen
            return SIMD2(point.x, point.y) / point.z * (Self.focalLength / Self.resolution) + 0.5
        }
    }
}

extension PickleWriter {
    fileprivate mutating func frame(_ persons: [PHALPPerson], path: String, time: Int, _ outcome: Outcome) {
        let seen = persons.filter { $0.person.observed }
        func box(_ writer: inout PickleWriter, _ person: PHALPPerson) {
            let box = person.person.bbox
            writer.array([box.x, box.y, box.width, box.height], [4])
        }
        dictionary()
        entry("time") { $0.integer(time) }
        entry("shot") { $0.integer(0) }
        entry("frame_path") { $0.text(path) }
        entry("tracked_ids") { $0.list(seen) { $0.integer(Int($1.person.trackID)) } }
        entry("tracked_bbox") { $0.list(seen, box) }
        entry("tid") { $0.list(persons) { $0.integer(Int($1.person.trackID)) } }
        entry("bbox") { $0.list(persons, box) }
        entry("tracked_time") { $0.list(persons) { $0.integer($1.framesUnseen) } }
        entry("center") {
            $0.list(persons) { writer, person in
                let box = person.person.bbox
                writer.array([box.x + box.width / 2, box.y + box.height / 2], [2])
            }
        }
        entry("scale") { $0.list(persons) { $0.array([$1.person.bbox.width, $1.person.bbox.height], [2]) } }
        entry("size") {
            $0.list(persons) { writer, _ in
                writer.list([outcome.frame.height, outcome.frame.width]) { $0.integer($1) }
            }
        }
        entry("img_path") { $0.list(persons) { writer, _ in writer.text(path) } }
        entry("img_name") {
            $0.list(persons) { writer, _ in writer.text(path.split(separator: "/").last.map(String.init) ?? path) }
        }
        entry("class_name") { $0.list(persons) { writer, _ in writer.integer(0) } }
        entry("conf") { $0.list(persons) { $0.float(Double($1.person.score)) } }
        entry("annotations") { $0.list(persons) { writer, _ in writer.list([Int]()) { $0.integer($1) } } }
        entry("smpl") {
            $0.list(persons) { writer, person in
                writer.dictionary()
                writer.entry("global_orient") { $0.array(person.body.globalOrient, [1, 3, 3]) }
                writer.entry("body_pose") { $0.array(person.body.bodyPose, [23, 3, 3]) }
                writer.entry("betas") { $0.array(person.body.betas, [10]) }
            }
        }
        entry("camera") { $0.list(persons) { $0.array([$1.camera.x, $1.camera.y, $1.camera.z], [3]) } }
        entry("camera_bbox") {
            $0.list(persons) { $0.array([$1.cropCamera.x, $1.cropCamera.y, $1.cropCamera.z], [3]) }
        }
        entry("3d_joints") { $0.list(persons) { $0.array($1.joints.flatMap { [$0.x, $0.y, $0.z] }, [45, 3]) } }
        entry("2d_joints") { $0.list(persons) { $0.array($1.places.flatMap { [$0.x, $0.y] }, [90]) } }
        entry("mask") { $0.list(persons) { writer, _ in writer.none() } }
        entry("extra_data") { $0.list(persons) { writer, _ in writer.none() } }
        entry("posebus_drop") { writer in
            if let drop = outcome.drop { writer.text(drop.reason.rawValue) } else { writer.none() }
        }
    }
}
