internal import Foundation
internal import Messages

extension ExportRun {
    /// One file a frame, `STREAM_SEQUENCE_keypoints.json`: the persons who were seen, with BODY_25 in pixels.
    ///
    /// Source: OpenPose, "Output format", version 1.3.
    func writeOpenPose() throws {
        let folder = try folder()
        for (recording, name) in zip(recordings, names) {
            try walk(recording) { outcome in
                var json = JSONWriter(capacity: 256 + 1024 * outcome.persons.count)
                let map = KeypointMap.body25(from: outcome.skeleton)
                json.object { json in
                    json.key("version")
                    json.value(1.3, decimals: 1)
                    json.key("people")
                    json.array { json in
                        // What was only expected has not been seen, which this form cannot say.
                        for person in outcome.persons where person.observed {
                            json.value(openPose: person, map)
                        }
                    }
                }
                let digits = String(format: "%012llu", outcome.frame.sequence.value)
                try write(json.bytes, to: folder.appendingPathComponent("\(name)_\(digits)_keypoints.json"))
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func value(openPose person: Person, _ map: KeypointMap?) {
        object { json in
            json.key("person_id")
            json.array { $0.value(person.trackID) }
            json.key("pose_keypoints_2d")
            json.array { json in
                for point in map?.points(person.keypoints2D) ?? [] {
                    json.value(point?.x ?? 0, decimals: 3)
                    json.value(point?.y ?? 0, decimals: 3)
                    json.value(point?.z ?? 0, decimals: 4)
                }
            }
            json.key("face_keypoints_2d")
            json.array { _ in }
            json.key("hand_left_keypoints_2d")
            json.array { _ in }
            json.key("hand_right_keypoints_2d")
            json.array { _ in }
            json.key("pose_keypoints_3d")
            json.array { _ in }
            json.key("face_keypoints_3d")
            json.array { _ in }
            json.key("hand_left_keypoints_3d")
            json.array { _ in }
            json.key("hand_right_keypoints_3d")
            json.array { _ in }
        }
    }
}
