import Foundation
import Messages
import Testing

/// The quick readers and writers beside SwiftProtobuf's.
struct QuickWireTests {
    @Test func `what is written is read the same by both readers`() throws {
        var random = SplitMix(state: 3)
        for _ in 0..<2000 {
            let header = randomHeader(&random)
            #expect(try FrameHeader(wire: header.wireBytes()) == header)
            #expect(try FrameHeader(generalWire: header.wireBytes()) == header)
            let outcome = randomOutcome(&random)
            #expect(try Outcome(wire: outcome.wireBytes()) == outcome)
            #expect(try Outcome(generalWire: outcome.wireBytes()) == outcome)
            let acknowledgement = Acknowledgement(
                session: SessionID(), next: SequenceNumber(random.number()), ended: random.chance(),
                sessionState: random.bytes(300))
            #expect(try Acknowledgement(wire: acknowledgement.wireBytes()) == acknowledgement)
            #expect(try Acknowledgement(generalWire: acknowledgement.wireBytes()) == acknowledgement)
        }
    }

    /// Whatever arrives, the answer is the one of the general reader: the same message or the same error.
    @Test func `damaged bytes are read or refused as the general reader does`() throws {
        var random = SplitMix(state: 4)
        var readable = 0
        for _ in 0..<20_000 {
            var bytes = randomOutcome(&random).wireBytes()
            for _ in 0...random.below(3) {
                switch random.below(3) {
                case 0: bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.below(bytes.count))
                default: if bytes.count > 1 { bytes.removeLast(random.below(min(bytes.count, 20))) }
                }
            }
            let general = Result { () throws(WireError) in try Outcome(generalWire: bytes) }
            let either = Result { () throws(WireError) in try Outcome(wire: bytes) }
            // Damage makes numbers that are none, which equal nothing: compared as they are written again.
            #expect(either.map { $0.wireBytes() } == general.map { $0.wireBytes() }, "\(bytes)")
            #expect(summary(bytes).map(Digest.init) == general.map { Digest(OutcomeSummary($0)) }, "\(bytes)")
            if case .success = general { readable += 1 }
        }
        #expect(readable > 1000)
    }

    @Test func `what the sink reads of an outcome is in it`() throws {
        var random = SplitMix(state: 7)
        for _ in 0..<200 {
            let outcome = randomOutcome(&random)
            let summary = try summary(outcome.wireBytes()).get()
            #expect(summary.frame == outcome.frame && summary.drop == outcome.drop)
            #expect(summary.observedPersons == outcome.observedPersons)
        }
    }

    private func summary(_ bytes: [UInt8]) -> Result<OutcomeSummary, WireError> {
        bytes.withUnsafeBytes { bytes in Result { () throws(WireError) in try OutcomeSummary(wire: bytes) } }
    }

    /// A summary, comparable also where damage made numbers that are none.
    private struct Digest: Equatable {
        let frame: [UInt8]
        let drop: Drop?
        let observedPersons: Int

        init(_ summary: OutcomeSummary) {
            frame = summary.frame.wireBytes()
            drop = summary.drop
            observedPersons = summary.observedPersons
        }
    }

    @Test func `fields that another release adds are read past`() throws {
        var random = SplitMix(state: 5)
        let header = randomHeader(&random)
        // Field 100 as a varint, and field 101 with three bytes.
        let bytes = header.wireBytes() + [0xa0, 0x06, 0x07, 0xaa, 0x06, 0x03, 1, 2, 3]
        #expect(try FrameHeader(wire: bytes) == header)
    }

    @Test func `a message that is given in two pieces is joined`() throws {
        var random = SplitMix(state: 6)
        var outcome = randomOutcome(&random)
        outcome.timing = Timing(ingest: 1, queue: 2, infer: 3)
        // Timing once more, with sink = 4 alone: what the sink adds.
        let bytes = outcome.wireBytes() + [6 << 3 | 2, 5, 4 << 3 | 5, 0, 0, 0x80, 0x40]
        outcome.timing.sink = 4
        #expect(try Outcome(wire: bytes) == outcome)
        #expect(try Outcome(generalWire: bytes) == outcome)
    }

    private func randomHeader(_ random: inout SplitMix) -> FrameHeader {
        guard let stream = try? StreamName(["cam", "größe", "a b", "kicker-long-name-of-a-stream"][random.below(4)])
        else {
            preconditionFailure("these are stream names")
        }
        return FrameHeader(
            stream: stream, session: SessionID(), sequence: SequenceNumber(random.number()),
            oldestUnacknowledged: SequenceNumber(random.number()),
            cameraFrame: random.chance() ? CameraFrame(random.number()) : nil,
            captureTime: Timestamp(nanoseconds: Int64(bitPattern: random.number())),
            acceptedTime: Timestamp(nanoseconds: Int64(bitPattern: random.number())), width: random.below(5000),
            height: random.below(200), payload: [.none, .jpeg, .rgb8][random.below(3)],
            delivery: random.chance() ? .live : .lossless,
            drop: random.chance() ? Drop(stage: .ingest, reason: .shed, detail: "why") : nil, isEnd: random.chance(),
            resends: random.below(3), ingestMilliseconds: random.float(), sessionState: random.bytes(200),
            isStill: random.chance(),
            traceID: random.chance() ? TraceID(bytes: random.nonzero(16)) : nil,
            parentSpanID: random.chance() ? SpanID(bytes: random.nonzero(8)) : nil)
    }

    private func randomOutcome(_ random: inout SplitMix) -> Outcome {
        Outcome(
            frame: randomHeader(&random), engine: random.chance() ? "blazepose" : "", skeleton: "blazepose33",
            drop: random.chance() ? Drop(stage: .infer, reason: .inferenceFailed, detail: "") : nil,
            persons: (0..<random.below(3)).map { _ in randomPerson(&random) },
            timing: Timing(ingest: random.float(), queue: random.float(), infer: random.float()))
    }

    private func randomPerson(_ random: inout SplitMix) -> Person {
        func numbers(_ count: Int, _ random: inout SplitMix) -> [Float] { (0..<count).map { _ in random.float() } }
        func points(_ count: Int, _ random: inout SplitMix) -> [SIMD3<Float>] {
            (0..<count).map { _ in SIMD3(random.float(), random.float(), random.float()) }
        }
        return Person(
            trackID: UInt32(truncatingIfNeeded: random.number()), score: random.float(),
            bbox: BoundingBox(x: random.float(), y: random.float(), width: random.float(), height: random.float()),
            observed: random.chance(), state: [.tentative, .confirmed, .predicted, nil][random.below(4)],
            keypoints2D: points(random.chance() ? 33 : 0, &random),
            keypoints3D: points(random.chance() ? 33 : 0, &random),
            cameraTranslation: random.chance() ? points(1, &random)[0] : nil,
            focalLength: random.chance() ? 5000 : nil,
            smpl: random.chance()
                ? SMPLParameters(
                    betas: numbers(10, &random), bodyPose: numbers(207, &random), globalOrient: numbers(9, &random))
                : nil,
            appearance: random.bytes(40))
    }
}

extension SplitMix {
    fileprivate mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    fileprivate mutating func chance() -> Bool { below(2) == 0 }

    /// Of every length a varint can have.
    fileprivate mutating func number() -> UInt64 { next() >> UInt64(below(64)) }

    /// Zero now and then, and its negative, which is not the default.
    fileprivate mutating func float() -> Float { [0, -0.0, 0.5, Float(below(100_000)) / 64 - 300][below(4)] }

    fileprivate mutating func nonzero(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(1 + below(255)) } }

    fileprivate mutating func bytes(_ most: Int) -> [UInt8] {
        (0..<below(most)).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
