import Delivery
import Messages
import Testing

@Suite struct RendezvousTests {
    let endpoints = ["tcp://a:5560", "tcp://b:5560", "tcp://c:5560"]

    @Test func isTheSameOnEveryMachine() throws {
        // Fixed figures: a change would move running streams between infers of mixed releases.
        let chosen = try (0..<8).map { try #require(rendezvous(StreamName("cam\($0)"), among: endpoints)) }
        #expect(chosen == [1, 0, 2, 0, 1, 2, 1, 1])
        #expect(rendezvous(try StreamName("cam"), among: []) == nil)
    }

    @Test func onlyTheStreamsOfALostInferMove() throws {
        var counts = [0, 0, 0]
        for number in 0..<3000 {
            let stream = try StreamName("cam\(number)")
            let before = try #require(rendezvous(stream, among: endpoints))
            counts[before] += 1
            let after = try #require(rendezvous(stream, among: Array(endpoints.dropLast())))
            if before < 2 { #expect(after == before) }
        }
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }
}
