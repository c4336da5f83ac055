extension Outcome {
    /// The JSON form of one outcome, the body of `pose/json/<stream>`: one line, keys sorted, pixels to 1/100 and
    /// metres to 1/10000. The keys are stable: others read them.
    public func jsonBytes() -> [UInt8] { jsonBytes(worldKeypoints: nil) }

    /// The same with `keypoints_3d_world` in each person, for exports that know where the camera stood.
    ///
    /// - Parameter worldKeypoints: for each person; nil leaves the key out.
    package func jsonBytes(worldKeypoints: [[SIMD3<Float>]]?) -> [UInt8] {
        var json = JSONWriter(capacity: 512 + 2048 * persons.count)
        json.object { json in
            json.key("camera_frame")
            if let number = frame.cameraFrame { json.value(number.value) } else { json.null() }
            json.key("capture_time_ns")
            json.value(frame.captureTime.nanoseconds)
            json.key("delivery")
            json.text(frame.delivery.rawValue)
            json.key("drop")
            if let drop { json.value(drop) } else { json.null() }
            json.key("engine")
            json.text(engine)
            json.key("height")
            json.value(frame.height)
            json.key("persons")
            json.array { json in
                for (index, person) in persons.enumerated() {
                    json.value(person, worldKeypoints: worldKeypoints?[index])
                }
            }
            json.key("sequence")
            json.value(frame.sequence.value)
            json.key("session")
            json.text(frame.session.description)
            json.key("skeleton")
            json.text(skeleton)
            json.key("stream")
            json.text(frame.stream.description)
            json.key("timing_ms")
            json.value(timing)
            json.key("trace_id")
            if let trace = frame.traceID { json.text(trace.description) } else { json.null() }
            json.key("v")
            json.value(ProtocolVersion.written)
            json.key("width")
            json.value(frame.width)
        }
        return json.bytes
    }
}

extension JSONWriter {
    /// Writes one person, as in an outcome.
    package mutating func value(_ person: Person, worldKeypoints: [SIMD3<Float>]? = nil) {
        object { json in
            json.key("bbox")
            json.array { json in
                let box = person.bbox
                for number in [box.x, box.y, box.width, box.height] { json.value(number, decimals: 2) }
            }
            if let translation = person.cameraTranslation {
                json.key("camera_translation")
                json.metres(translation)
            }
            if let focalLength = person.focalLength {
                json.key("focal_length")
                json.value(focalLength, decimals: 2)
            }
            json.key("keypoints_2d")
            json.array { json in
                for point in person.keypoints2D {
                    json.array { json in
                        json.value(point.x, decimals: 2)
                        json.value(point.y, decimals: 2)
                        json.value(point.z, decimals: 4)
                    }
                }
            }
            json.key("keypoints_3d")
            json.points(person.keypoints3D, decimals: metreDecimals)
            if let worldKeypoints {
                json.key("keypoints_3d_world")
                json.points(worldKeypoints, decimals: metreDecimals)
            }
            json.key("observed")
            json.value(person.observed)
            json.key("score")
            json.value(person.score, decimals: 4)
            if let smpl = person.smpl {
                json.key("smpl")
                json.value(smpl)
            }
            if let state = person.state {
                json.key("state")
                json.text(state.rawValue)
            }
            json.key("track_id")
            json.value(person.trackID)
        }
    }

    fileprivate mutating func value(_ drop: Drop) {
        object { json in
            json.key("detail")
            json.text(drop.detail)
            json.key("reason")
            json.text(drop.reason.rawValue)
            json.key("stage")
            json.text(drop.stage.rawValue)
        }
    }

    fileprivate mutating func value(_ timing: Timing) {
        object { json in
            json.key("infer")
            json.value(timing.infer, decimals: 3)
            json.key("ingest")
            json.value(timing.ingest, decimals: 3)
            json.key("queue")
            json.value(timing.queue, decimals: 3)
            json.key("sink")
            json.value(timing.sink, decimals: 3)
            json.key("total")
            json.value(timing.total, decimals: 3)
        }
    }

    /// SMPL's parameters, every digit of them: meshes are rebuilt from these.
    fileprivate mutating func value(_ smpl: SMPLParameters) {
        object { json in
            json.key("betas")
            json.array { json in smpl.betas.forEach { json.shortest($0) } }
            json.key("body_pose")
            json.array { json in
                for start in stride(from: 0, to: smpl.bodyPose.count - 8, by: 9) {
                    json.matrix(smpl.bodyPose, at: start)
                }
            }
            json.key("global_orient")
            if smpl.globalOrient.count == 9 { json.matrix(smpl.globalOrient, at: 0) } else { json.array { _ in } }
        }
    }

    /// Three rows of three numbers.
    private mutating func matrix(_ numbers: [Float], at start: Int) {
        array { json in
            for row in 0..<3 {
                json.array { json in (0..<3).forEach { json.shortest(numbers[start + row * 3 + $0]) } }
            }
        }
    }

    private mutating func metres(_ point: SIMD3<Float>) {
        array { json in for axis in 0..<3 { json.value(point[axis], decimals: metreDecimals) } }
    }
}

/// A tenth of a millimetre.
private let metreDecimals = 4
