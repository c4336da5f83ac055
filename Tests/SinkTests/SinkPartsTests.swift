import Foundation
import Messages
import Sink
import Testing

@Suite("The sink's parts that need no socket")
struct SinkPartsTests {
    @Test("Appending the sink's times changes nothing else of an outcome", arguments: [true, false])
    func timing(isPose: Bool) throws {
        let session = try FakeSession("cam")
        var outcome = isPose ? session.pose(7) : session.drop(7)
        // A sender's own idea of these two numbers must not win.
        outcome.timing.sink = 99
        let body = outcome.wireBytes().withUnsafeBytes { addingSinkTiming(to: $0, sink: 0.25, total: 12.5) }
        #expect(body.count == outcome.wireBytes().count + 12)
        let read = try Outcome(wire: Array(body))
        outcome.timing.sink = 0.25
        outcome.timing.total = 12.5
        #expect(read == outcome)
    }

    @Test("Commits keep apart while outcomes come densely, and an outcome that comes alone waits for nobody")
    func pace() {
        let start = ContinuousClock.now
        var pace = CommitPace(spacing: .milliseconds(2))
        // Four cameras at thirty frames a second, all at once or each alone.
        for frame in 0..<4 {
            let now = start + .milliseconds(33 * frame)
            #expect(pace.begin(4, at: now) == now)
            #expect(pace.begin(1, at: now + .milliseconds(20)) == now + .milliseconds(20))
        }
        let dense = start + .seconds(1)
        #expect(pace.begin(4, at: dense) == dense)
        #expect(pace.begin(4, at: dense + .milliseconds(1)) == dense + .milliseconds(3))
        #expect(pace.begin(20, at: dense + .milliseconds(3)) == dense + .milliseconds(5))
        #expect(pace.begin(1, at: dense + .milliseconds(5)) == dense + .milliseconds(5))
    }

    @Test("A subscription is a prefix, and ends when it is taken back")
    func subscriptions() {
        var subscriptions = SubscriptionSet()
        func apply(_ kind: UInt8, _ prefix: String) -> SubscriptionSet.Change? {
            subscriptions.apply([kind] + Array(prefix.utf8))
        }
        #expect(!subscriptions.wants("pose/json/cam1"))
        #expect(apply(1, "pose/json/") == .subscribed("pose/json/"))
        #expect(subscriptions.wants("pose/json/cam1"))
        #expect(!subscriptions.wants("pose/pb/cam1"))
        #expect(apply(0, "pose/json/") == .unsubscribed("pose/json/"))
        #expect(!subscriptions.wants("pose/json/cam1"))
        // Whatever else a peer sends upstream is no subscription.
        #expect(apply(2, "pose/") == nil)
        #expect(subscriptions.apply([]) == nil)
        #expect(subscriptions.apply([1, 0xff, 0xfe]) == nil)
    }

    @Test("More subscriptions than can be told apart: everything is wanted")
    func manySubscriptions() {
        var subscriptions = SubscriptionSet(limit: 2)
        for name in ["a", "b", "c"] {
            _ = subscriptions.apply([1] + Array(name.utf8))
        }
        #expect(subscriptions.wants("z"))
    }

    private func request(_ json: String) throws -> ReplayRequest {
        try ReplayRequest(json: Array(json.utf8))
    }

    @Test("Requests for replay")
    func requests() throws {
        let id = SessionID()
        let plain = try request(#"{"stream":"cam","session":null,"from":0,"to":null,"format":"json"}"#)
        #expect(plain.stream?.description == "cam" && plain.session == nil && plain.to == nil)
        let full = try request(#"{"session":"\#(id)","from":3,"to":9,"format":"pb"}"#)
        #expect(
            full.session == id && full.from == SequenceNumber(3) && full.to == SequenceNumber(9) && full.format == .pb)
        #expect(try request(#"{"stream":"cam"}"#).from == .first)
    }

    @Test(
        "Requests that cannot be answered say why",
        arguments: [
            "", "[]", "{}", "no json", #"{"stream":7}"#, #"{"stream":"a/b"}"#, #"{"session":"no uuid"}"#,
            #"{"stream":"cam","from":-1}"#, #"{"stream":"cam","format":"xml"}"#,
            #"{"stream":"\#(String(repeating: "x", count: 5000))"}"#,
        ])
    func badRequests(_ json: String) {
        let error = #expect(throws: ReplayRequest.Invalid.self) { _ = try request(json) }
        #expect(error?.description.isEmpty == false)
    }
}
