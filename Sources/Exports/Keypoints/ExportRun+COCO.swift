internal import Foundation
internal import Messages

extension ExportRun {
    /// COCO's keypoint annotations of all recordings in one file. Dropped frames are no images: nobody looked at them.
    ///
    /// Source: COCO, "Data format", sections 2 and 3.
    func writeCOCO() throws {
        let file = try ExportFile(url)
        try file.write(
            """
            {"info":{"description":"PoseBus","version":"1.0"},"licenses":[],"categories":[\(Self.category)],
            "images":[

            """)
        var (dropped, count) = (0, 0)
        for (recording, name) in zip(recordings, names) {
            try walk(recording, isCounted: false) { outcome in
                guard outcome.drop == nil else {
                    dropped += 1
                    return
                }
                if count > 0 { try file.write(",\n") }
                count += 1
                try file.write(Self.image(outcome, id: count, name: name))
            }
        }
        try file.write("\n],\n\"annotations\":[\n")
        var (image, annotation) = (0, 0)
        for recording in recordings {
            try walk(recording) { outcome in
                guard outcome.drop == nil else { return }
                image += 1
                let map = KeypointMap.coco(from: outcome.skeleton)
                for person in outcome.persons {
                    if annotation > 0 { try file.write(",\n") }
                    annotation += 1
                    var json = JSONWriter(capacity: 1024)
                    json.value(
                        coco: person, id: annotation, image: image, points: map?.points(person.keypoints2D) ?? [],
                        width: Float(outcome.frame.width), height: Float(outcome.frame.height))
                    try file.write(json.bytes)
                }
            }
        }
        try file.write("\n]}\n")
        try file.close()
        summary.files = 1
        if dropped > 0 { summary.notes.append("\(dropped) dropped frames are left out") }
    }

    private static let category: String = {
        var json = JSONWriter()
        json.object { json in
            json.key("id")
            json.value(1)
            json.key("name")
            json.text("person")
            json.key("supercategory")
            json.text("person")
            json.key("keypoints")
            json.array { json in KeypointMap.cocoNames.forEach { json.text($0) } }
            json.key("skeleton")
            // COCO counts from 1.
            let bones = [
                (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10),
                (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
            ]
            json.array { json in
                for bone in bones {
                    json.array { json in
                        json.value(bone.0)
                        json.value(bone.1)
                    }
                }
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }()

    private static func image(_ outcome: Outcome, id: Int, name: String) -> [UInt8] {
        var json = JSONWriter()
        let frame = outcome.frame
        json.object { json in
            json.key("id")
            json.value(id)
            json.key("file_name")
            json.text("\(name)/\(String(format: "%012llu", frame.sequence.value)).jpg")
            json.key("width")
            json.value(frame.width)
            json.key("height")
            json.value(frame.height)
            json.key("posebus_stream")
            json.text(frame.stream.description)
            json.key("posebus_session")
            json.text(frame.session.description)
            json.key("posebus_sequence")
            json.value(frame.sequence.value)
            json.key("posebus_capture_time_ns")
            json.value(frame.captureTime.nanoseconds)
        }
        return json.bytes
    }
}

extension JSONWriter {
    /// - Parameter points: a keypoint counts as visible (2) from a score of 0.5 on, below that as hidden (1); one that is
    ///   missing or outside of the picture is not labelled (0). Nobody sees a person who is only expected.
    fileprivate mutating func value(
        coco person: Person, id: Int, image: Int, points: [SIMD3<Float>?], width: Float, height: Float
    ) {
        func visibility(_ point: SIMD3<Float>?) -> Int {
            guard let point, point.x >= 0, point.y >= 0, point.x < width, point.y < height else { return 0 }
            return point.z >= 0.5 && person.observed ? 2 : 1
        }
        object { json in
            json.key("id")
            json.value(id)
            json.key("image_id")
            json.value(image)
            json.key("category_id")
            json.value(1)
            json.key("iscrowd")
            json.value(0)
            let box = person.bbox
            json.key("bbox")
            json.array { json in
                for number in [box.x, box.y, box.width, box.height] { json.value(number, decimals: 2) }
            }
            json.key("area")
            json.value(box.width * box.height, decimals: 2)
            json.key("segmentation")
            json.array { _ in }
            json.key("num_keypoints")
            json.value(points.count { visibility($0) > 0 })
            json.key("keypoints")
            json.array { json in
                for place in KeypointMap.cocoNames.indices {
                    let point = place < points.count ? points[place] : nil
                    let visibility = visibility(point)
                    json.value(visibility > 0 ? point?.x ?? 0 : 0, decimals: 2)
                    json.value(visibility > 0 ? point?.y ?? 0 : 0, decimals: 2)
                    json.value(visibility)
                }
            }
            json.key("score")
            json.value(person.score, decimals: 4)
            json.key("track_id")
            json.value(person.trackID)
            json.key("posebus_observed")
            json.value(person.observed)
        }
    }
}
