import Foundation
import Messages
import Spool
import Testing

func header(
    _ sequence: UInt64, session: SessionID, stream: String = "cam", isEnd: Bool = false, drop: Drop? = nil
) throws -> FrameHeader {
    FrameHeader(
        stream: try StreamName(stream), session: session, sequence: SequenceNumber(sequence),
        captureTime: Timestamp(nanoseconds: 1), acceptedTime: Timestamp(nanoseconds: 2),
        payload: drop == nil && !isEnd ? .jpeg : .none, drop: drop, isEnd: isEnd)
}

/// A payload that shows which frame it belongs to.
func image(_ sequence: UInt64, count: Int = 100) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: Int(sequence) &* 31 &+ $0) }
}

extension Spool {
    func append(_ sequence: UInt64, _ session: SessionID, count: Int = 100, feeder: FeederFrame? = nil) throws {
        let bytes = image(sequence, count: count)
        try bytes.withUnsafeBytes { append(try header(sequence, session: session), feeder: feeder, payload: $0) }
    }
}

@Suite struct SpoolTests {
    let disk = SimulatedDisk()
    let session = SessionID()

    func open(limit: Int = 1 << 20) throws -> Spool { try Spool(disk, limit: limit) }

    @Test func aNewOneIsEmpty() throws {
        let spool = try open()
        #expect(spool.recovered.isEmpty)
        #expect(spool.sync())
        #expect(try open().recovered.isEmpty, "a session nobody began is none")
    }

    @Test func givesBackWhatIsNotAcknowledged() throws {
        let first = try open()
        for sequence in 0..<10 as Range<UInt64> {
            try first.append(sequence, session, feeder: FeederFrame(feeder: "f", frame: sequence + 5))
        }
        first.append(try header(10, session: session, drop: Drop(stage: .ingest, reason: .corruptJPEG, detail: "x")))
        #expect(first.sync())
        let second = try #require(try open().recovered.first)
        #expect(second.session == session && second.stream.description == "cam" && !second.isEnded)
        #expect((second.oldest, second.next) == (SequenceNumber(0), SequenceNumber(11)))
        #expect(second.feeders == ["f": 14])
        #expect(second.entries.map(\.header.sequence.value) == Array(0...10))
        #expect(second.entries.dropLast().map(\.payload) == (0..<10).map { image($0) })
        #expect(second.entries.last?.header.drop?.reason == .corruptJPEG)
        #expect(second.entries.last?.payload.isEmpty == true)
    }

    @Test func theLaterRecordOfASequenceCounts() throws {
        let first = try open()
        try first.append(0, session)
        first.append(try header(0, session: session, drop: Drop(stage: .ingest, reason: .shed)))
        first.append(try header(1, session: session, isEnd: true))
        #expect(first.sync())
        let second = try #require(try open().recovered.first)
        #expect(second.entries.map(\.header.drop?.reason) == [.shed, nil])
        #expect(second.isEnded && second.next == SequenceNumber(1))
    }

    @Test func segmentsAreDeletedWhenAcknowledgedWhicheverTheyAre() throws {
        let spool = try open(limit: 2 << 20)
        let slow = SessionID()
        try spool.append(0, slow)
        var sequence: UInt64 = 0
        // Far more than the limit, all acknowledged; one frame of another session stays all the time.
        for _ in 0..<400 {
            #expect(spool.hasRoom(for: 20_000))
            try spool.append(sequence, session, count: 20_000)
            sequence += 1
            #expect(spool.sync())
            spool.acknowledge(session, next: SequenceNumber(sequence))
        }
        #expect(disk.used <= 1 << 20, "\(disk.used)")
        let recovered = try open(limit: 2 << 20).recovered
        #expect(recovered.count == 2)
        #expect(recovered.first { $0.session == slow }?.entries.count == 1)
        let other = try #require(recovered.first { $0.session == session })
        #expect(other.next == SequenceNumber(400), "numbers go on even where no frame is left")
        #expect(other.entries.allSatisfy { $0.header.sequence >= other.oldest })
        #expect(other.next.distance(from: other.oldest) == other.entries.count, "nothing is missing in between")
    }

    @Test func aFinishedSessionIsForgotten() throws {
        let spool = try open()
        try spool.append(0, session)
        spool.append(try header(1, session: session, isEnd: true))
        #expect(spool.sync())
        spool.finish(session)
        // Forgetting is written with the next segment or deletion; until then it is only sent once more.
        while spool.segmentCount < 2 {
            #expect(spool.hasRoom(for: 10_000))
            try spool.append(0, SessionID(), count: 10_000)
        }
        #expect(spool.sync())
        #expect(try open().recovered.contains { $0.session == session } == false)
    }

    @Test func fullMeansNoRoomAndNothingElse() throws {
        let spool = try open(limit: 1 << 20)
        var sequence: UInt64 = 0
        while spool.hasRoom(for: 20_000) {
            try spool.append(sequence, session, count: 20_000)
            sequence += 1
        }
        #expect(sequence > 30)
        #expect(spool.sync() && spool.trouble == nil)
        #expect(spool.bytes <= 1 << 20)
        #expect(spool.hasRoom(for: 0), "a drop can still be recorded")
        spool.acknowledge(session, next: SequenceNumber(sequence - 5))
        #expect(spool.sync())
        #expect(spool.hasRoom(for: 20_000))
    }

    @Test func aFullDiskIsTheSameAsTheLimit() throws {
        disk.capacity = 600_000
        let spool = try open(limit: 1 << 20)
        var sequence: UInt64 = 0
        while spool.hasRoom(for: 20_000) {
            try spool.append(sequence, session, count: 20_000)
            sequence += 1
        }
        #expect(sequence > 15 && spool.sync())
        // Even then it starts, with everything that is in it.
        let again = try open(limit: 1 << 20)
        #expect(again.recovered.first?.entries.count == Int(sequence))
        again.acknowledge(session, next: SequenceNumber(sequence))
        #expect(again.sync() && again.hasRoom(for: 20_000))
    }

    @Test func aFailedSyncConfirmsNothingAndIsRepairedByWritingAnew() throws {
        let spool = try open()
        try spool.append(0, session)
        #expect(spool.sync())
        disk.failingSyncs = 1
        try spool.append(1, session)
        #expect(!spool.sync())
        #expect(spool.trouble?.kind == .inputOutput)
        #expect(!spool.hasRoom(for: 10))
        try spool.append(2, session)
        #expect(spool.sync() && spool.trouble == nil)
        var random = SystemRandomNumberGenerator()
        let recovered = try #require(try Spool(disk.afterCrash(using: &random), limit: 1 << 20).recovered.first)
        #expect(recovered.entries.map(\.payload) == (0..<3).map { image($0) })
    }

    @Test func oneSyncForMany() throws {
        let spool = try open()
        let before = disk.syncs
        for sequence in 0..<64 as Range<UInt64> { try spool.append(sequence, session) }
        #expect(spool.sync())
        #expect(disk.syncs == before + 1)
    }

    @Test func aFolderIsOneIngests() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("posebus-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            let spool = try Spool(SpoolFolder(path), limit: 1 << 20)
            for sequence in 0..<50 as Range<UInt64> where spool.hasRoom(for: 5000) {
                try spool.append(sequence, session, count: 5000)
            }
            #expect(spool.sync() && spool.segmentCount > 1)
            let error = #expect(throws: SpoolError.self) { _ = try SpoolFolder(path) }
            #expect(error?.kind == .inUse)
            #expect(error?.description.contains(path) == true)
        }
        let again = try Spool(SpoolFolder(path), limit: 1 << 20)
        #expect(again.recovered.first?.entries.map(\.payload) == (0..<50).map { image($0, count: 5000) })
        #expect(throws: SpoolError.self) { _ = try SpoolFolder("/proc/nobody/here") }
    }

    @Test func aFileOfAnotherKindIsLeftAlone() throws {
        _ = try disk.create(7, bytes: 100).write(Array("something else entirely".utf8), at: 0)
        let error = #expect(throws: SpoolError.self) { _ = try open() }
        #expect(error?.kind == .notASpool)
        #expect(error?.description.contains("segment 7 is no file of a spool") == true)
        #expect(disk.files[7]?.bytes.count == 100)
    }

    @Test func aSpoolOfALaterReleaseIsLeftAlone() throws {
        _ = try disk.create(7, bytes: 100).write(Array("PBSPOOL2 and what nobody knows yet".utf8), at: 0)
        let error = #expect(throws: SpoolError.self) { _ = try open() }
        #expect(error?.kind == .notASpool)
        #expect(error?.description.contains("another release of PoseBus wrote segment 7") == true)
        #expect(disk.files[7]?.bytes.count == 100)
    }
}
