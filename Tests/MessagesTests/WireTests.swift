import Foundation
import Messages
import Testing

struct WireTests {
    @Test func `a frame header survives the wire`() throws {
        let header = FrameHeader(
            stream: try StreamName("cam1"), session: SessionID(), sequence: SequenceNumber(42),
            oldestUnacknowledged: SequenceNumber(40), cameraFrame: CameraFrame(7),
            captureTime: Timestamp(nanoseconds: 1),
            acceptedTime: Timestamp(nanoseconds: 2), width: 640, height: 360, payload: .jpeg, delivery: .live,
            drop: Drop(stage: .ingest, reason: .shed, detail: "why"), isEnd: false, resends: 3, ingestMilliseconds: 1.5,
            sessionState: [1, 2, 3], traceID: TraceID("4bf92f3577b34da6a3ce929d0e0e4736"),
            parentSpanID: SpanID("00f067aa0ba902b7"))
        #expect(header.traceID != nil && header.parentSpanID != nil)
        #expect(try FrameHeader(wire: header.wireBytes()) == header)
    }

    @Test func `an outcome survives the wire`() throws {
        let outcome = try sampleOutcome()
        #expect(try Outcome(wire: outcome.wireBytes()) == outcome)
    }

    @Test(arguments: [TrackState.tentative, .confirmed, .predicted, nil]) func `a person survives the wire by itself`(
        _ state: TrackState?
    ) throws {
        var person = try sampleOutcome().persons[0]
        person.state = state
        #expect(try Person(wire: person.wireBytes()) == person)
    }

    @Test func `an acknowledgement survives the wire`() throws {
        let ack = Acknowledgement(session: SessionID(), next: SequenceNumber(9), ended: true, sessionState: [4, 5])
        #expect(try Acknowledgement(wire: ack.wireBytes()) == ack)
    }

    @Test func `another protocol version is refused by its number`() throws {
        // Field 1 (version) as a varint of 2, everything else absent.
        let bytes: [UInt8] = [0x08, 0x02]
        #expect(throws: WireError.unknownVersion(2)) {
            try FrameHeader(wire: bytes)
        }
        #expect(throws: WireError.unknownVersion(2)) {
            try Acknowledgement(wire: bytes)
        }
        #expect(WireError.unknownVersion(2).description.contains("run neighbouring releases of PoseBus"))
    }

    @Test func `bytes that are no protobuf are refused`() {
        let bytes = [UInt8](repeating: 0xff, count: 64)
        #expect(throws: WireError.malformed(message: "Outcome")) {
            try Outcome(wire: bytes)
        }
    }

    @Test func `every truncation of a message is refused or reads as less, and none crashes`() throws {
        let bytes = try sampleOutcome().wireBytes()
        for length in 0..<bytes.count {
            _ = try? Outcome(wire: Array(bytes[..<length]))
        }
    }
}

struct IdentifierTests {
    @Test(arguments: ["", "a/b", "a\u{0}b", "tab\t", "line\n", String(repeating: "x", count: 129), "\u{85}"])
    func `a stream name that cannot stand in a topic is refused`(_ name: String) {
        #expect(throws: StreamName.Invalid.self) { try StreamName(name) }
    }

    @Test(arguments: ["cam1", "Pi 4 (left)", "größe", String(repeating: "x", count: 128), "snow ❄️"])
    func `any other text is a stream name`(_ name: String) throws {
        #expect(try StreamName(name).description == name)
    }

    @Test func `the error of a huge name does not repeat it`() {
        let error = #expect(throws: StreamName.Invalid.self) { try StreamName(String(repeating: "x", count: 10_000)) }
        #expect(error.map { $0.description.count < 200 } == true)
    }

    @Test func `a session is the same as text and as bytes`() {
        let session = SessionID()
        #expect(SessionID(session.description) == session)
        #expect(SessionID(bytes: session.bytes) == session)
        #expect(SessionID(bytes: [1, 2, 3]) == nil)
        #expect(session.description == session.description.lowercased())
    }
}

func sampleOutcome() throws -> Outcome {
    let header = FrameHeader(
        stream: try StreamName("cam1"), session: SessionID("01234567-89ab-cdef-0123-456789abcdef") ?? SessionID(),
        sequence: SequenceNumber(42), cameraFrame: CameraFrame(41),
        captureTime: Timestamp(nanoseconds: 1_700_000_000_123_456_789),
        acceptedTime: Timestamp(nanoseconds: 1_700_000_000_123_456_999), width: 1280, height: 720, payload: .jpeg,
        traceID: TraceID("0123456789abcdef01234567deadbeef"))
    let person = Person(
        trackID: 1, score: 0.98, bbox: BoundingBox(x: 1.5, y: 2, width: 30.25, height: 40), observed: false,
        state: .predicted,
        keypoints2D: [SIMD3(100.123, 50, 0.9)], keypoints3D: [SIMD3(0.1, -0.2, 0.30004)],
        cameraTranslation: SIMD3(0, 0, 5), focalLength: 1000,
        smpl: SMPLParameters(
            betas: .init(repeating: 0.5, count: 10), bodyPose: .init(repeating: 0.25, count: 207),
            globalOrient: [1, 0, 0, 0, 1, 0, 0, 0, 1]),
        appearance: [9, 8, 7])
    return Outcome(
        frame: header, engine: "blazepose", skeleton: "blazepose33", persons: [person],
        timing: Timing(ingest: 0.1, queue: 2, infer: 20, sink: 1, total: 25))
}
