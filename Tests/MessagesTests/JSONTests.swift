import Foundation
import Messages
import Testing

struct JSONTests {
    @Test func `the JSON form has exactly the documented keys`() throws {
        let object = try json(sampleOutcome())
        #expect(
            Set(object.keys) == [
                "v", "stream", "session", "sequence", "camera_frame", "capture_time_ns", "width", "height", "delivery",
                "engine", "skeleton", "drop", "persons", "timing_ms", "trace_id",
            ])
        #expect(object["session"] as? String == "01234567-89ab-cdef-0123-456789abcdef")
        #expect(object["sequence"] as? Int == 42)
        #expect(object["capture_time_ns"] as? Int == 1_700_000_000_123_456_789)
        #expect(object["drop"] is NSNull)
        #expect(object["trace_id"] as? String == "0123456789abcdef01234567deadbeef")
        let person = try #require((object["persons"] as? [[String: Any]])?.first)
        #expect(
            Set(person.keys) == [
                "track_id", "score", "bbox", "observed", "keypoints_2d", "keypoints_3d", "camera_translation",
                "focal_length", "smpl", "state",
            ])
        #expect(person["bbox"] as? [Double] == [1.5, 2, 30.25, 40])
        #expect(person["keypoints_2d"] as? [[Double]] == [[100.12, 50, 0.9]])
        let smpl = try #require(person["smpl"] as? [String: Any])
        #expect((smpl["body_pose"] as? [[[Double]]])?.count == 23)
        #expect((smpl["global_orient"] as? [[Double]]) == [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    }

    @Test func `a drop names its stage and reason`() throws {
        var outcome = try sampleOutcome()
        outcome.persons = []
        outcome.drop = Drop(stage: .ingest, reason: .corruptJPEG, detail: "truncated")
        let drop = try #require(json(outcome)["drop"] as? [String: Any])
        #expect(drop["stage"] as? String == "ingest")
        #expect(drop["reason"] as? String == "corrupt_jpeg")
    }

    @Test func `the JSON form is one line and always the same`() throws {
        let outcome = try sampleOutcome()
        #expect(outcome.jsonBytes() == outcome.jsonBytes())
        #expect(!outcome.jsonBytes().contains(UInt8(ascii: "\n")))
    }

    @Test func `a number that is none does not spoil the outcome`() throws {
        var outcome = try sampleOutcome()
        outcome.persons[0].score = .nan
        let person = try #require((json(outcome)["persons"] as? [[String: Any]])?.first)
        #expect(person["score"] as? String == "nan")
    }

    @Test func `every byte is what Foundation's encoder writes`() throws {
        var outcome = try sampleOutcome()
        try expectReference(outcome)
        outcome.persons = []
        outcome.frame.cameraFrame = nil
        outcome.frame.traceID = nil
        outcome.frame.sequence = SequenceNumber(.max)
        outcome.frame.captureTime = Timestamp(nanoseconds: .min)
        try expectReference(outcome)
        outcome.persons = [
            Person(
                trackID: 0, score: 0, bbox: BoundingBox(x: 0, y: 0, width: 0, height: 0),
                observed: false, keypoints2D: [], keypoints3D: [],
                smpl: SMPLParameters(betas: [], bodyPose: [1], globalOrient: [1]))
        ]
        try expectReference(outcome)
    }

    @Test(arguments: [
        "", "plain", #"quote " and \ back"#, "slash /", "line\nbreak\r\ttab",
        "\u{0}\u{1}\u{8}\u{b}\u{c}\u{f}\u{10}\u{1f}\u{7f}",
        "größe ❄️ 日本 👩🏽‍🚀", "\u{2028}\u{2029}\u{feff}",
    ])
    func `a text is escaped as Foundation's encoder does`(_ text: String) throws {
        var outcome = try sampleOutcome()
        outcome.engine = text
        outcome.skeleton = text
        outcome.drop = Drop(stage: .infer, reason: .inferenceFailed, detail: text)
        try expectReference(outcome)
        if let name = try? StreamName(text.replacing("/", with: "")) { outcome.frame.stream = name }
        try expectReference(outcome)
    }

    @Test func `a number is written as Foundation's encoder does`() throws {
        var outcome = try sampleOutcome()
        var random = SplitMix(state: 7)
        var numbers: [Float] = [
            0, -0.0, 0.5, 1, -1, 0.00005, 0.00004, -0.00005, 0.005, 0.125, 99.995, 1e6, 1e10, 1e12, 1e15, 1e16, -1e20,
            3e38,
            .nan, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 123_456.79, 8_388_608.5,
        ]
        for _ in 0..<2000 {
            numbers.append(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
            numbers.append(Float.random(in: -2000...2000, using: &random))
        }
        while !numbers.count.isMultiple(of: 9) { numbers.append(0.1) }
        let points = stride(from: 0, to: numbers.count, by: 3).map {
            SIMD3(numbers[$0], numbers[$0 + 1], numbers[$0 + 2])
        }
        outcome.persons[0].keypoints2D = points
        outcome.persons[0].keypoints3D = points
        outcome.persons[0].smpl = SMPLParameters(
            betas: numbers, bodyPose: numbers, globalOrient: Array(numbers.prefix(9)))
        for number in numbers.prefix(100) {
            outcome.timing = Timing(ingest: number, queue: number, infer: number, sink: number, total: number)
            outcome.persons[0].score = number
            outcome.persons[0].focalLength = number
            try expectReference(outcome)
            outcome.persons[0].keypoints2D = []
            outcome.persons[0].keypoints3D = []
            outcome.persons[0].smpl = nil
        }
    }

    private func expectReference(_ outcome: Outcome) throws {
        let (written, reference) = (outcome.jsonBytes(), try referenceJSON(outcome))
        guard written != reference else { return }
        let first = zip(written, reference).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
        func excerpt(_ bytes: [UInt8]) -> String {
            String(decoding: bytes.dropFirst(max(0, first - 40)).prefix(80), as: UTF8.self)
        }
        Issue.record("written …\(excerpt(written))…, Foundation writes …\(excerpt(reference))…")
    }

    private func json(_ outcome: Outcome) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(outcome.jsonBytes())) as? [String: Any])
    }
}

/// A small seeded generator (Steele, Lea and Flood 2014): the same numbers in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
