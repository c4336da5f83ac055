import Delivery
import Messages
import Testing

/// Who may have streams, and which one a stream belongs to.
@Suite struct MembershipTests {
    static let infers = ["tcp://a:1", "tcp://b:1", "tcp://c:1"]
    var membership = Membership(moveAfter: .seconds(10))

    static func stream(_ number: Int) -> StreamName {
        guard let name = try? StreamName("stream\(number)") else { preconditionFailure("no name") }
        return name
    }

    /// A stream that belongs to an infer when certain ones are there.
    static func stream(of infer: String, among infers: [String]) -> StreamName {
        var number = 0
        while rendezvous(stream(number), among: infers).map({ infers[$0] }) != infer { number += 1 }
        return stream(number)
    }

    func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test mutating func aListIsComparedWithTheLastOne() {
        var changes = membership.list(Self.infers.prefix(2), at: start)
        #expect(changes.joined == ["tcp://a:1", "tcp://b:1"] && changes.left.isEmpty)
        let version = membership.version
        changes = membership.list(Self.infers.prefix(2).reversed(), at: start)
        #expect(changes.joined.isEmpty && changes.left.isEmpty)
        #expect(membership.version == version)
        changes = membership.list(Self.infers.suffix(2), at: start)
        #expect(changes.joined == ["tcp://c:1"] && changes.left == ["tcp://a:1"])
        #expect(membership.listed == ["tcp://b:1", "tcp://c:1"])
        #expect(!membership.isListed("tcp://a:1"))
    }

    @Test mutating func aSessionBeginsAtAnInferInReach() {
        let stream = Self.stream(of: "tcp://a:1", among: Self.infers)
        #expect(membership.place(stream) == nil)
        _ = membership.list(Self.infers, at: start)
        #expect(membership.place(stream) == "tcp://a:1", "where none is in reach, its own")
        membership.connected("tcp://c:1", at: start)
        #expect(membership.place(stream) == "tcp://c:1")
        membership.connected("tcp://a:1", at: start)
        #expect(membership.place(stream) == "tcp://a:1")
    }

    @Test mutating func oneThatJoinsGetsItsStreamsWhenItHasBeenInReachForLongEnough() {
        _ = membership.list(["tcp://a:1"], at: start)
        membership.connected("tcp://a:1", at: start)
        #expect(membership.advance(at: at(10)) == [.settled("tcp://a:1", .joined)])
        let among = ["tcp://a:1", "tcp://b:1"]
        let moving = Self.stream(of: "tcp://b:1", among: among)
        let staying = Self.stream(of: "tcp://a:1", among: among)

        _ = membership.list(among, at: at(20))
        #expect(membership.advance(at: at(25)).isEmpty, "out of reach, not yet for long")
        membership.connected("tcp://b:1", at: at(25))
        #expect(membership.advance(at: at(34)).isEmpty)
        #expect(membership.destination(of: moving, from: "tcp://a:1") == nil)
        let version = membership.version
        #expect(membership.advance(at: at(35)) == [.settled("tcp://b:1", .joined)])
        #expect(membership.version > version)
        #expect(membership.destination(of: moving, from: "tcp://a:1")?.infer == "tcp://b:1")
        #expect(membership.destination(of: moving, from: "tcp://a:1")?.reason == .joined)
        #expect(membership.destination(of: staying, from: "tcp://a:1") == nil)
        #expect(membership.destination(of: moving, from: "tcp://b:1") == nil, "and stays there")
    }

    @Test mutating func aShortOutageMovesNothing() {
        _ = membership.list(Self.infers.prefix(2), at: start)
        for infer in Self.infers.prefix(2) { membership.connected(infer, at: start) }
        _ = membership.advance(at: at(10))
        let stream = Self.stream(of: "tcp://a:1", among: Array(Self.infers.prefix(2)))
        membership.lost("tcp://a:1", at: at(20))
        #expect(membership.advance(at: at(29)).isEmpty)
        #expect(membership.destination(of: stream, from: "tcp://a:1") == nil)
        membership.connected("tcp://a:1", at: at(29))
        #expect(membership.advance(at: at(39)) == [.settled("tcp://a:1", .returned)])
        #expect(membership.destination(of: stream, from: "tcp://a:1") == nil)
    }

    @Test mutating func oneThatStaysAwayLosesItsStreamsAndGetsThemBack() {
        _ = membership.list(Self.infers.prefix(2), at: start)
        for infer in Self.infers.prefix(2) { membership.connected(infer, at: start) }
        _ = membership.advance(at: at(10))
        let stream = Self.stream(of: "tcp://a:1", among: Array(Self.infers.prefix(2)))
        membership.lost("tcp://a:1", at: at(20))
        #expect(membership.advance(at: at(30)) == [.out("tcp://a:1")])
        #expect(membership.destination(of: stream, from: "tcp://a:1")?.infer == "tcp://b:1")
        #expect(membership.destination(of: stream, from: "tcp://a:1")?.reason == .unreachable)
        membership.connected("tcp://a:1", at: at(31))
        #expect(membership.destination(of: stream, from: "tcp://b:1") == nil)
        #expect(membership.advance(at: at(41)) == [.settled("tcp://a:1", .returned)])
        #expect(membership.destination(of: stream, from: "tcp://b:1")?.reason == .returned)
    }

    @Test mutating func oneThatComesAndGoesHasToStayLongerEachTime() {
        _ = membership.list(Self.infers.prefix(1), at: start)
        var now = 0.0
        var times: [Duration] = []
        for _ in 0..<8 {
            membership.lost("tcp://a:1", at: at(now))
            now += 10
            #expect(membership.advance(at: at(now)) == [.out("tcp://a:1")])
            membership.connected("tcp://a:1", at: at(now))
            times.append(membership.settlingTime(of: "tcp://a:1", at: at(now)))
        }
        #expect(times == [10, 20, 40, 80, 160, 320, 320, 320].map { .seconds($0) })
        // Forgiven by and by.
        #expect(membership.settlingTime(of: "tcp://a:1", at: at(now + 161)) == .seconds(160))
        #expect(membership.settlingTime(of: "tcp://a:1", at: at(now + 16 * 161)) == .seconds(10))
    }

    @Test mutating func whoLeavesAndJoinsAgainAtOnceIsNoNewOne() {
        _ = membership.list(Self.infers.prefix(2), at: start)
        for infer in Self.infers.prefix(2) { membership.connected(infer, at: start) }
        _ = membership.advance(at: at(10))
        for time in 1...3 {
            _ = membership.list(Self.infers.prefix(1), at: at(10 + Double(time)))
            _ = membership.list(Self.infers.prefix(2), at: at(10.5 + Double(time)))
        }
        #expect(membership.settlingTime(of: "tcp://b:1", at: at(14)) == .seconds(40))
    }

    @Test mutating func aMistakeInAListStopsNothing() {
        _ = membership.list(["tcp://a:1"], at: start)
        membership.connected("tcp://a:1", at: start)
        _ = membership.list(["tcp://nobody:1"], at: at(20))
        let stream = Self.stream(0)
        #expect(membership.destination(of: stream, from: "tcp://a:1") == nil, "nobody else is in reach")
        #expect(membership.isConnected("tcp://a:1"))
        membership.connected("tcp://nobody:1", at: at(30))
        #expect(membership.destination(of: stream, from: "tcp://a:1")?.infer == "tcp://nobody:1")
        #expect(membership.destination(of: stream, from: "tcp://a:1")?.reason == .left)
    }
}
