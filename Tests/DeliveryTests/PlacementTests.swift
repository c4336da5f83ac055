import Delivery
import Messages
import Testing

/// One session that moves from one infer to another.
@Suite struct PlacementTests {
    let infers = ["tcp://a:1", "tcp://b:1"]
    var membership = Membership(moveAfter: .seconds(10))
    var window = SendWindow<Int>(
        limits: .init(frames: 8, bytes: 1000, inFlight: 4), delivery: .lossless,
        retry: .init(initial: .seconds(5), minimum: .seconds(5), maximum: .seconds(60)))
    /// Belongs to `b` where both are there.
    let stream = MembershipTests.stream(of: "tcp://b:1", among: ["tcp://a:1", "tcp://b:1"])
    var placement: Placement

    /// With a session at `a`, and `b` about to get it.
    init() {
        _ = membership.list(["tcp://a:1"], at: start)
        membership.connected("tcp://a:1", at: start)
        placement = Placement(stream, in: membership, at: start)
        _ = membership.list(infers, at: start)
        membership.connected("tcp://b:1", at: start)
    }

    func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    mutating func follow(at seconds: Double) -> [Placement.Step] {
        placement.follow(membership, stream: stream, window: &window, at: at(seconds))
    }

    mutating func admit(_ count: Int) {
        for _ in 0..<count { _ = window.admit(header(), payload: 1, bytes: 10) }
    }

    mutating func send(at seconds: Double) -> [FrameHeader] {
        var sent: [FrameHeader] = []
        while let next = window.upcoming {
            sent.append(next.header)
            window.sent(at: at(seconds))
        }
        return sent
    }

    @Test mutating func aSessionWithNothingOnItsWayMovesAtOnce() throws {
        #expect(placement.infer == "tcp://a:1")
        #expect(follow(at: 1).isEmpty)
        _ = membership.advance(at: at(10))
        guard case .arrived(let move, 0)? = follow(at: 10).first else {
            Issue.record("no move")
            return
        }
        #expect((move.from, move.to, move.reason) == ("tcp://a:1", "tcp://b:1", .joined))
        #expect(placement.infer == "tcp://b:1" && placement.move == nil)
        #expect(follow(at: 11).isEmpty)
    }

    @Test mutating func whatIsOnItsWayIsWaitedForAndTheRestGoesToTheOther() {
        admit(2)
        #expect(send(at: 9).map(\.sequence.value) == [0, 1])
        _ = membership.advance(at: at(10))
        guard case .began? = follow(at: 10).first else {
            Issue.record("no move")
            return
        }
        admit(3)
        #expect(send(at: 10).isEmpty, "kept back")
        window.acknowledge(acknowledgement(1), at: at(11))
        #expect(follow(at: 11).isEmpty)
        #expect(send(at: 11).isEmpty)
        var last = acknowledgement(2)
        last.sessionState = [42]
        window.acknowledge(last, at: at(12))
        #expect(placement.infer == "tcp://a:1")
        guard case .arrived(_, resends: 0)? = follow(at: 12).first else {
            Issue.record("has not arrived")
            return
        }
        let sent = send(at: 12)
        #expect(sent.map(\.sequence.value) == [2, 3, 4])
        #expect(sent.map(\.resends) == [0, 0, 0])
        #expect(sent.map(\.sessionState) == [[42], [], []], "what is known goes with the first")
    }

    @Test mutating func aMoveIsGivenUpWhereTheReceiverGoes() {
        admit(1)
        _ = send(at: 9)
        _ = membership.advance(at: at(10))
        _ = follow(at: 10)
        admit(1)
        membership.lost("tcp://b:1", at: at(11))
        guard case .gaveUp? = follow(at: 11).first else {
            Issue.record("goes on")
            return
        }
        #expect(placement.infer == "tcp://a:1")
        #expect(send(at: 11).map(\.sequence.value) == [1])
    }

    @Test mutating func aMoveIsGivenUpWhereTheGiverIsLost() {
        admit(1)
        _ = send(at: 9)
        _ = membership.advance(at: at(10))
        _ = follow(at: 10)
        membership.lost("tcp://a:1", at: at(11))
        _ = window.inferLost(isAlone: true)
        guard case .gaveUp? = follow(at: 11).first else {
            Issue.record("goes on")
            return
        }
        // It is away for too long, and the stream goes without waiting for anything.
        _ = membership.advance(at: at(21))
        guard case .arrived(let move, _)? = follow(at: 21).first else {
            Issue.record("has not arrived")
            return
        }
        #expect(move.reason == .unreachable)
        #expect(send(at: 21).map(\.sequence.value) == [0])
    }

    @Test mutating func nobodyWaitsForEverForOneThatReturnsNothing() {
        admit(2)
        _ = send(at: 9)
        _ = membership.advance(at: at(10))
        _ = follow(at: 10)
        window.acknowledge(acknowledgement(1), at: at(13))
        #expect(follow(at: 14).isEmpty)
        #expect(follow(at: 14 + window.patience / .seconds(1) - 0.1).isEmpty, "something came back in between")
        guard case .arrived(_, resends: 1)? = follow(at: 14 + window.patience / .seconds(1)).first else {
            Issue.record("waits")
            return
        }
        #expect(send(at: 30).map(\.sequence.value) == [1])
    }

    @Test mutating func anAcknowledgementThatOvertakesTheMoveBringsWhatIsKnown() {
        admit(4)
        _ = send(at: 9)
        _ = membership.list(["tcp://b:1"], at: at(10))
        _ = follow(at: 10)
        // It dies with its last outcomes on their way to the sink.
        membership.lost("tcp://a:1", at: at(11))
        _ = window.inferLost(isAlone: true)
        _ = follow(at: 11)
        #expect(window.upcoming?.header.sequence == .first)
        window.sent(at: at(11))
        var late = acknowledgement(3)
        late.sessionState = [7]
        window.acknowledge(late, at: at(12))
        let sent = send(at: 12)
        #expect(sent.map(\.sequence.value) == [3])
        #expect(sent.first?.sessionState == [7])
    }

    @Test mutating func oneThatLeavesKeepsItsStreamsUntilAnotherIsInReach() {
        membership.lost("tcp://b:1", at: at(1))
        _ = membership.list(["tcp://b:1"], at: at(2))
        #expect(follow(at: 2).isEmpty)
        admit(1)
        #expect(send(at: 2).count == 1)
        membership.connected("tcp://b:1", at: at(3))
        guard case .began(let move)? = follow(at: 3).first else {
            Issue.record("no move")
            return
        }
        #expect(move.reason == .left)
        window.acknowledge(acknowledgement(1), at: at(4))
        #expect(follow(at: 4).count == 1)
        #expect(placement.infer == "tcp://b:1")
    }

    @Test mutating func theDestinationMayChangeOnTheWay() {
        admit(1)
        _ = send(at: 9)
        _ = membership.list(["tcp://b:1"], at: at(9))
        _ = follow(at: 9)
        // Whatever is in the list last counts.
        _ = membership.list(["tcp://c:1"], at: at(10))
        membership.connected("tcp://c:1", at: at(10))
        #expect(follow(at: 10).isEmpty)
        window.acknowledge(acknowledgement(1), at: at(11))
        guard case .arrived(let move, 0)? = follow(at: 11).first else {
            Issue.record("has not arrived")
            return
        }
        #expect((move.from, move.to) == ("tcp://a:1", "tcp://c:1"))
    }
}
