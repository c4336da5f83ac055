import Foundation
import Messages
import Spool
import Testing

/// What a crash leaves: every confirmed entry, in order, and no number that was confirmed twice.
@Suite struct CrashTests {
    @Test func cutAtEveryByteTheTailIsDroppedAndTheRestKept() throws {
        let disk = SimulatedDisk()
        let session = SessionID()
        let spool = try Spool(disk, limit: 1 << 20)
        for sequence in 0..<5 as Range<UInt64> { try spool.append(sequence, session, count: 40) }
        #expect(spool.sync())
        let (index, file) = try #require(disk.files.first)
        let used = (file.bytes.lastIndex { $0 != 0 } ?? 0) + 1
        var counts: [Int] = []
        for length in 0...used {
            // Cut short, and with a damaged byte there.
            for damage in [false, true] where !damage || length < used {
                let copy = SimulatedDisk()
                let cut = SimulatedDisk.File(disk: copy, count: 0)
                cut.bytes = Array(file.bytes[..<length])
                if damage { cut.bytes = file.bytes }
                if damage { cut.bytes[length] ^= 0x55 }
                copy.files[index] = cut
                guard let recovered = try? Spool(copy, limit: 1 << 20).recovered else {
                    #expect(damage && length < 8, "only the first bytes say what the file is")
                    continue
                }
                let entries = recovered.first?.entries ?? []
                #expect(entries.map(\.header.sequence.value) == (0..<UInt64(entries.count)).map { $0 })
                #expect(entries.allSatisfy { $0.payload == image($0.header.sequence.value, count: 40) })
                if !damage { counts.append(entries.count) }
            }
        }
        #expect(counts == counts.sorted() && counts.last == 5, "\(counts)")
    }

    /// Random work, power failures at random moments. `POSEBUS_SIMULATION_SEEDS` runs more seeds.
    @Test func whatWasConfirmedSurvives() throws {
        let environment = ProcessInfo.processInfo.environment
        let count = UInt64(environment["POSEBUS_SIMULATION_SEEDS"] ?? "") ?? 500
        let seeds = environment["POSEBUS_SIMULATION_SEED"].flatMap { UInt64($0) }.map { $0...$0 } ?? 0...(count - 1)
        for seed in seeds {
            var run = CrashRun(seed: seed)
            do {
                try run.run()
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
    }
}

/// One life after the other of an ingest that writes, acknowledges and is cut off.
struct CrashRun {
    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    /// What a session must be after a crash.
    struct Expected {
        /// Sequences below it are confirmed: synced.
        var confirmed: UInt64 = 0
        /// Sequences below it are acknowledged.
        var acknowledged: UInt64 = 0
        /// The next to be written; what is not synced may be given again.
        var next: UInt64 = 0
    }

    var random: SplitMix
    var disk = SimulatedDisk()
    var expected: [SessionID: Expected] = [:]

    init(seed: UInt64) {
        random = SplitMix(state: seed)
    }

    mutating func run() throws {
        for _ in 0..<4 {
            let spool = try Spool(disk, limit: 640 << 10)
            try check(spool)
            try work(with: spool)
            disk = disk.afterCrash(using: &random)
        }
    }

    private mutating func check(_ spool: Spool) throws {
        for (session, expected) in expected {
            guard expected.confirmed > expected.acknowledged || expected.next > 0 else { continue }
            guard let recovered = spool.recovered.first(where: { $0.session == session }) else {
                guard expected.confirmed == 0 else { throw Violation(description: "session \(session) is gone") }
                self.expected[session] = nil
                continue
            }
            guard recovered.next.value >= expected.confirmed else {
                throw Violation(description: "numbers from \(recovered.next) on, confirmed were \(expected.confirmed)")
            }
            guard recovered.next.value <= expected.next else {
                throw Violation(description: "next is \(recovered.next) of \(expected.next)")
            }
            let sequences = recovered.entries.map(\.header.sequence.value)
            let wanted = Array(recovered.oldest.value..<recovered.next.value)
            guard sequences == wanted else {
                throw Violation(description: "has \(sequences) instead of \(wanted)")
            }
            guard recovered.oldest.value <= expected.acknowledged else {
                throw Violation(description: "begins at \(recovered.oldest), acknowledged \(expected.acknowledged)")
            }
            for entry in recovered.entries
            where entry.payload != image(entry.header.sequence.value, count: entry.payload.count) {
                throw Violation(description: "frame \(entry.header.sequence) has another image")
            }
            self.expected[session]?.next = recovered.next.value
            self.expected[session]?.confirmed = recovered.next.value
        }
    }

    private mutating func work(with spool: Spool) throws {
        if expected.isEmpty || random.chance(0.3) { expected[SessionID()] = Expected() }
        for _ in 0..<Int.random(in: 0..<60, using: &random) {
            guard
                let session = expected.keys.sorted(by: { $0.description < $1.description }).randomElement(
                    using: &random)
            else { return }
            if random.chance(0.05) { disk.failingSyncs = 1 }
            if random.chance(0.6) {
                let size = Int.random(in: 1..<8000, using: &random)
                guard spool.hasRoom(for: size) else { continue }
                try spool.append(expected[session]!.next, session, count: size)
                expected[session]!.next += 1
            } else if random.chance(0.7) {
                if spool.sync() { for key in expected.keys { expected[key]!.confirmed = expected[key]!.next } }
            } else {
                let range = expected[session]!.acknowledged...expected[session]!.confirmed
                expected[session]!.acknowledged = UInt64.random(in: range, using: &random)
                spool.acknowledge(session, next: SequenceNumber(expected[session]!.acknowledged))
            }
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < probability
    }
}
