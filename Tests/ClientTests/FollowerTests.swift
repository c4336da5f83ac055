import Client
import Foundation
import Messages
import Testing

/// The numbers of a seed, the same on every machine (SplitMix64).
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}

/// A session in the store of a sink that exists only here.
private final class StoredSession {
    let stream: StreamName
    let id: SessionID
    var count: UInt64 = 0
    var isEnded = false

    init(_ stream: StreamName) {
        self.stream = stream
        id = SessionID()
    }

    func outcome(_ sequence: UInt64) -> Outcome {
        Outcome(
            frame: FrameHeader(
                stream: stream, session: id, sequence: SequenceNumber(sequence), captureTime: .now, acceptedTime: .now))
    }
}

/// A sink that loses, repeats and cuts off whatever it may, and a follower of it.
private final class World {
    var random: Random
    var follower: Follower
    var stored: [StoredSession] = []
    var given: [SessionID: [UInt64]] = [:]
    var ends: [SessionID: Int] = [:]
    var loss = 0.0
    var tellsMore = true
    private(set) var now = ContinuousClock.now
    private var answer: [[UInt8]] = []
    static let maxPending = 40

    init(seed: UInt64, _ adjust: (inout Follower.Options) -> Void = { _ in }, positions: [Subscriber.Position] = []) {
        random = Random(state: seed)
        var options = Follower.Options()
        options.maxPending = Self.maxPending
        adjust(&options)
        follower = Follower(options, positions: positions, at: now)
    }

    func begin(_ stream: StreamName) -> StoredSession {
        stored.append(StoredSession(stream))
        return stored[stored.count - 1]
    }

    func frames(_ session: StoredSession, _ count: UInt64) {
        for _ in 0..<count {
            session.count += 1
            if random.chance(loss) { continue }
            for _ in 0..<(random.chance(0.05) ? 2 : 1) { follower.note(session.outcome(session.count - 1), at: now) }
        }
    }

    func end(_ session: StoredSession) {
        session.isEnded = true
        if random.chance(loss) { return }
        let end = SessionEvent(.end, stream: session.stream, session: session.id, poses: Int(session.count))
        follower.note(end, at: now)
    }

    private func reply(to bytes: [UInt8]) -> [[UInt8]] {
        guard let request = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] else { return [] }
        let name = request["session"] as? String
        let found = stored.filter {
            $0.stream.description == request["stream"] as? String && name ?? $0.id.description == $0.id.description
                && ($0.count > 0 || $0.isEnded)
        }
        guard let session = found.last else {
            return [Array(#"{"v":1,"end":true,"count":0,"next":0,"error":"no such session"}"#.utf8)]
        }
        let first = (request["from"] as? NSNumber)?.uint64Value ?? 0
        let last = (request["to"] as? NSNumber)?.uint64Value ?? .max
        let bodies = (0..<session.count).filter { $0 >= first && $0 <= last }.map { session.outcome($0).wireBytes() }
        var end: [String: Any] = [
            "v": 1, "end": true, "session": session.id.description, "count": bodies.count,
            "next": first + UInt64(bodies.count),
        ]
        if tellsMore {
            end["ended"] = session.isEnded
            end["poses"] = session.count
            end["drops"] = 0
            let later = stored.drop { $0 !== session }.dropFirst()
            end["next_session"] = later.first { $0.stream == session.stream && $0.count > 0 }?.id.description
        }
        return bodies + [Array((try? JSONSerialization.data(withJSONObject: end)) ?? Data())]
    }

    func step() {
        now += .milliseconds(50)
        if let request = follower.nextRequest(at: now) {
            answer = reply(to: request)
            // Given up half-way, or never answered.
            if random.chance(0.1) { answer = Array(answer.prefix(Int.random(in: 0..<answer.count, using: &random))) }
        }
        for _ in 0..<min(answer.count, Int.random(in: 0..<30, using: &random)) {
            follower.noteReplay(answer.removeFirst(), at: now)
        }
        if follower.isReplayOverdue(at: now) {
            answer = []
            follower.noteReplayLost(at: now)
        }
        #expect(follower.pendingCount <= Self.maxPending)
        take()
    }

    func take() {
        while let event = follower.take() {
            switch event {
            case .outcome(let outcome): given[outcome.frame.session, default: []].append(outcome.frame.sequence.value)
            case .session(let event):
                guard event.event == .end, let id = SessionID(event.session) else { continue }
                ends[id, default: 0] += 1
                #expect(given[id]?.last.map { Int($0) + 1 } ?? 0 == event.frames, "an end before the last outcome")
            }
        }
    }

    func isComplete(_ session: StoredSession) -> Bool {
        given[session.id, default: []] == Array(0..<session.count)
            && ends[session.id, default: 0] == (session.isEnded ? 1 : 0)
    }

    func settle() {
        loss = 0
        for _ in 0..<2400 where !stored.allSatisfy({ isComplete($0) }) { step() }
    }
}

@Suite("What a subscriber makes of what it gets")
struct FollowerTests {
    private let cam: StreamName

    init() throws {
        cam = try StreamName("cam")
    }

    @Test("Whatever is lost, everything comes once and in order", arguments: 0..<300 as Range<UInt64>)
    func simulated(seed: UInt64) throws {
        let names = try ["a", "b", "c"].map { try StreamName($0) }
        let world = World(seed: seed, { $0.streams = Set(names) })
        world.loss = [0, 0.05, 0.5, 0.95, 1].randomElement(using: &world.random) ?? 0
        var running: [StreamName: StoredSession] = [:]
        for _ in 0..<Int.random(in: 10..<60, using: &world.random) {
            let name = names.randomElement(using: &world.random) ?? names[0]
            let session = running[name] ?? world.begin(name)
            running[name] = session
            world.frames(session, [1, 1, 2, 5, 100].randomElement(using: &world.random) ?? 1)
            if world.random.chance(0.1) {
                running[name] = nil
                if world.random.chance(0.7) { world.end(session) }
            }
            if world.random.chance(0.1) { world.follower.noteConnected(at: world.now) }
            for _ in 0..<Int.random(in: 0..<4, using: &world.random) { world.step() }
        }
        // Of a stream of which nothing was heard only the latest session can be known; from there on, all.
        let before = world.stored
        for _ in 0..<200 { world.step() }
        for name in names {
            let sessions = before.filter { $0.stream == name }
            guard let first = sessions.firstIndex(where: { world.given[$0.id] != nil }) else {
                #expect(sessions.isEmpty, "seed \(seed): a stream was never found")
                continue
            }
            let unknown = sessions[..<first].map(\.id)
            world.stored.removeAll { unknown.contains($0.id) }
        }
        world.settle()
        for session in world.stored {
            #expect(world.isComplete(session), "seed \(seed), stream \(session.stream)")
        }
        #expect(world.follower.statistics.missing == 0, "seed \(seed)")
    }

    @Test("A short session that was missed whole is found through the one before it")
    func chain() {
        let world = World(seed: 1)
        let sessions = (0..<3).map { _ in world.begin(cam) }
        world.frames(sessions[0], 3)
        world.end(sessions[0])
        world.take()
        world.loss = 1
        world.frames(sessions[1], 5)
        world.end(sessions[1])
        world.loss = 0
        world.frames(sessions[2], 2)
        world.settle()
        #expect(world.stored.allSatisfy { world.isComplete($0) })
    }

    @Test("The last outcomes of a stream that falls silent are asked for", arguments: [true, false])
    func silence(tellsMore: Bool) {
        let world = World(seed: 2)
        world.tellsMore = tellsMore
        let session = world.begin(cam)
        world.frames(session, 10)
        world.loss = 1
        world.frames(session, 100)
        world.settle()
        #expect(world.isComplete(session))
    }

    @Test("A saved position is gone on with")
    func positions() {
        let world = World(seed: 3)
        let session = world.begin(cam)
        world.frames(session, 30)
        for _ in 0..<11 { _ = world.follower.take() }
        let saved = world.follower.positions
        #expect(saved == [Subscriber.Position(stream: cam, session: session.id, next: 10, ended: false)])
        let later = World(seed: 4, positions: saved)
        later.stored = world.stored
        for _ in 0..<200 { later.step() }
        #expect(later.given[session.id] == Array(10..<30))
    }

    @Test("A live start begins with what comes next, and then misses nothing")
    func live() {
        let world = World(seed: 5, { $0.startsLive = true })
        let session = world.begin(cam)
        for (loss, count) in [(1.0, 50 as UInt64), (0, 1), (1, 20), (0, 1)] {
            world.loss = loss
            world.frames(session, count)
        }
        for _ in 0..<400 { world.step() }
        #expect(world.given[session.id] == Array(50..<72))
    }

    @Test("Without replay nothing waits for what is lost, and it is counted")
    func withoutReplay() {
        let world = World(seed: 6, { $0.replays = false })
        let session = world.begin(cam)
        for (loss, count) in [(1.0, 50 as UInt64), (0, 1), (1, 20), (0, 1)] {
            world.loss = loss
            world.frames(session, count)
        }
        world.take()
        #expect(world.given[session.id] == [50, 71])
        #expect(world.follower.statistics.missing == 20)
        #expect(world.follower.nextRequest(at: world.now + .seconds(60)) == nil)
    }
}
