import Foundation
import Messages

/// What the JSON form has to be, written down once more with `JSONEncoder`, whose rules for numbers, texts and the order
/// of keys are the measure.
func referenceJSON(_ outcome: Outcome) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try Array(encoder.encode(OutcomeJSON(outcome)))
}

private struct OutcomeJSON: Encodable {
    let outcome: Outcome

    init(_ outcome: Outcome) {
        self.outcome = outcome
    }

    enum Key: String, CodingKey {
        case v, stream, session, sequence, width, height, engine, skeleton, drop, persons, delivery
        case cameraFrame = "camera_frame"
        case captureTime = "capture_time_ns"
        case timing = "timing_ms"
        case trace = "trace_id"
    }

    func encode(to encoder: any Encoder) throws {
        let frame = outcome.frame
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(ProtocolVersion.written, forKey: .v)
        try container.encode(frame.stream.description, forKey: .stream)
        try container.encode(frame.session.description, forKey: .session)
        try container.encode(frame.sequence.value, forKey: .sequence)
        try container.encode(frame.cameraFrame?.value, forKey: .cameraFrame)
        try container.encode(frame.captureTime.nanoseconds, forKey: .captureTime)
        try container.encode(frame.width, forKey: .width)
        try container.encode(frame.height, forKey: .height)
        try container.encode(frame.delivery.rawValue, forKey: .delivery)
        try container.encode(outcome.engine, forKey: .engine)
        try container.encode(outcome.skeleton, forKey: .skeleton)
        try container.encode(outcome.drop.map(DropJSON.init), forKey: .drop)
        try container.encode(outcome.persons.map(PersonJSON.init), forKey: .persons)
        try container.encode(TimingJSON(outcome.timing), forKey: .timing)
        try container.encode(frame.traceID?.description, forKey: .trace)
    }
}

private struct DropJSON: Encodable {
    let stage: String
    let reason: String
    let detail: String

    init(_ drop: Drop) {
        stage = drop.stage.rawValue
        reason = drop.reason.rawValue
        detail = drop.detail
    }
}

private struct TimingJSON: Encodable {
    let ingest, queue, infer, sink, total: Double

    init(_ timing: Timing) {
        ingest = rounded(timing.ingest, 1e3)
        queue = rounded(timing.queue, 1e3)
        infer = rounded(timing.infer, 1e3)
        sink = rounded(timing.sink, 1e3)
        total = rounded(timing.total, 1e3)
    }
}

private struct PersonJSON: Encodable {
    let person: Person

    init(_ person: Person) {
        self.person = person
    }

    enum Key: String, CodingKey {
        case score, bbox, observed, smpl, state
        case trackID = "track_id"
        case keypoints2D = "keypoints_2d"
        case keypoints3D = "keypoints_3d"
        case cameraTranslation = "camera_translation"
        case focalLength = "focal_length"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        let box = person.bbox
        try container.encode(person.trackID, forKey: .trackID)
        try container.encode(rounded(person.score, 1e4), forKey: .score)
        try container.encode([box.x, box.y, box.width, box.height].map { rounded($0, 1e2) }, forKey: .bbox)
        try container.encode(person.observed, forKey: .observed)
        try container.encode(
            person.keypoints2D.map { [rounded($0.x, 1e2), rounded($0.y, 1e2), rounded($0.z, 1e4)] },
            forKey: .keypoints2D)
        try container.encode(person.keypoints3D.map(metres), forKey: .keypoints3D)
        try container.encodeIfPresent(person.cameraTranslation.map(metres), forKey: .cameraTranslation)
        try container.encodeIfPresent(person.focalLength.map { rounded($0, 1e2) }, forKey: .focalLength)
        try container.encodeIfPresent(person.smpl.map(SMPLJSON.init), forKey: .smpl)
        try container.encodeIfPresent(person.state?.rawValue, forKey: .state)
    }

    private func metres(_ point: SIMD3<Float>) -> [Double] {
        [rounded(point.x, 1e4), rounded(point.y, 1e4), rounded(point.z, 1e4)]
    }
}

private struct SMPLJSON: Encodable {
    let betas: [Float]
    let body_pose: [[[Float]]]
    let global_orient: [[Float]]

    init(_ smpl: SMPLParameters) {
        betas = smpl.betas
        body_pose = stride(from: 0, to: smpl.bodyPose.count - 8, by: 9).map { matrix(smpl.bodyPose, at: $0) }
        global_orient = smpl.globalOrient.count == 9 ? matrix(smpl.globalOrient, at: 0) : []
    }
}

private func matrix(_ numbers: [Float], at start: Int) -> [[Float]] {
    (0..<3).map { row in (0..<3).map { numbers[start + row * 3 + $0] } }
}

/// A number rounded to 1/`scale`, so that JSON holds 12.35 and not 12.350000381469727.
private func rounded(_ number: Float, _ scale: Double) -> Double {
    (Double(number) * scale).rounded() / scale
}
