import Foundation
import Messages
import Testing

struct JSONTests {
    @Test func `the JSON form has exactly the documented keys`() throws {
        let object = try json(sampleOutcome())
        #expect(
            Set(object.keys) == [
                "v", "stream", "session", "sequence", "camera_frame", "capture_time_ns", "width", "height", "delivery",
                "engine", "skeleton", "drop", "persons", "timing_ms",
            ])
        #expect(object["session"] as? String == "01234567-89ab-cdef-0123-456789abcdef")
        #expect(object["sequence"] as? Int == 42)
        #expect(object["capture_time_ns"] as? Int == 1_700_000_000_123_456_789)
        #expect(object["drop"] is NSNull)
        let person = try #require((object["persons"] as? [[String: Any]])?.first)
        #expect(
            Set(person.keys) == [
                "track_id", "score", "bbox", "observed", "keypoints_2d", "keypoints_3d", "camera_translation",
                "focal_length", "smpl",
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

    private func json(_ outcome: Outcome) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(outcome.jsonBytes())) as? [String: Any])
    }
}
