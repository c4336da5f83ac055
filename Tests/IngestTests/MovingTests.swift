import Delivery
import Foundation
import Ingest
import Messages
import Stage
import Synchronization
import Testing
import ZeroMQ

/// Infers that join and leave while frames flow: streams move once, in order, and nothing is sent twice.
@Suite struct MovingTests {
    static let streams = (0..<16).map { "s\($0)" }

    /// A file with a list of infers, which is gone with it.
    final class List: Sendable {
        let path = FileManager.default.temporaryDirectory.appending(path: "infers-\(UUID())").path

        func write(_ infers: [String]) throws {
            try Data(infers.map { "\($0)\n" }.joined().utf8).write(to: URL(filePath: path))
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    /// The streams that rendezvous hashing gives to an infer.
    static func streams(of infer: String, among infers: [String]) throws -> Set<String> {
        Set(try streams.filter { rendezvous(try StreamName($0), among: infers).map { infers[$0] } == infer })
    }

    /// Feeds one frame of each stream.
    static func feed(_ rig: IngestRig, _ feeder: Socket) throws {
        for stream in streams { #expect(try rig.ask(feeder, #"{"stream":"\#(stream)"}"#, try jpeg()) == "OK") }
    }

    /// Checks every stream: each frame once and in order, however many infers it has seen, and what is known goes along.
    static func check(_ rig: IngestRig, frames: Int) {
        for stream in streams {
            let arrived = rig.arrived.filter { $0.header.stream.description == stream && !$0.header.isEnd }
            #expect(arrived.map(\.header.sequence.value) == Array(0..<UInt64(frames)), "\(stream)")
            for (before, after) in zip(arrived, arrived.dropFirst()) where before.infer != after.infer {
                #expect(after.header.sessionState == IngestRig.state(before: after.header.sequence), "\(stream)")
            }
        }
    }

    @Test func whoIsAddedToAFileGetsItsStreamsAndGivesThemBack() async throws {
        let list = List()
        let counters = try await withIngest({ configuration in
            let first = configuration.infers
            #expect(throws: Never.self) { try list.write(first) }
            configuration.infers = ["file:\(list.path)"]
            configuration.inferFileInterval = .milliseconds(10)
            configuration.moveAfter = .milliseconds(50)
        }) { rig in
            let request = try rig.feeder(.request)
            try Self.feed(rig, request)
            try rig.wait(for: "one frame of each") { rig.arrived.count == 16 }
            // What is on its way when another one joins is waited for.
            rig.acknowledges = false
            try Self.feed(rig, request)
            try rig.wait(for: "two frames of each") { rig.arrived.count == 32 }
            let second = try rig.startInfer(at: "tcp://127.0.0.1:*")
            let both = [rig.inferEndpoint, second]
            let its = try Self.streams(of: second, among: both)
            #expect(!its.isEmpty && its.count < 16)
            try list.write(both)
            try rig.pass(.milliseconds(300))
            try Self.feed(rig, request)
            // Those that stay go on, the others are kept back.
            try rig.wait(for: "frames of those that stay") { rig.arrived.count == 32 + 16 - its.count }
            try rig.pass(.milliseconds(100))
            #expect(rig.arrived.allSatisfy { $0.infer == rig.inferEndpoint })
            try rig.storeEverything()
            try rig.wait(for: "three frames of each") { rig.arrived.count == 48 }
            #expect(Set(rig.arrived.filter { $0.infer == second }.map(\.header.stream.description)) == its)

            // A mistake in the list changes nothing.
            try list.write(["tcp://127.0.0.1:1", "what is this"])
            try rig.pass(.milliseconds(100))
            try Self.feed(rig, request)
            try rig.wait(for: "four frames of each") { rig.arrived.count == 64 }
            #expect(Set(rig.arrived.filter { $0.infer == second }.map(\.header.stream.description)) == its)

            // The first leaves, and the second has them all.
            try list.write([second])
            try rig.pass(.milliseconds(200))
            try Self.feed(rig, request)
            try rig.wait(for: "five frames of each") { rig.arrived.count == 80 }
            #expect(rig.arrived.suffix(16).allSatisfy { $0.infer == second })
            Self.check(rig, frames: 5)
        }
        #expect(counters.resent == 0)
        #expect((counters.moves[.joined] ?? 0) + (counters.moves[.left] ?? 0) == 16)
        #expect(Set(counters.moves.keys) == [.joined, .left])
    }

    @Test func everyAddressOfANameIsAnInfer() async throws {
        let answer = Mutex<Result<[String], InferSourceError>>(.failure(InferSourceError("not yet")))
        let asked = Mutex<[String]>([])
        let counters = try await withIngest({
            $0.infers = ["dns+tcp://infers:5560"]
            $0.resolver = { (host, port) throws(InferSourceError) in
                asked.withLock { $0.append("\(host) \(port)") }
                return try answer.withLock { $0 }.get()
            }
            $0.inferLookupInterval = .milliseconds(10)
            $0.moveAfter = .milliseconds(50)
        }) { rig in
            // Nobody knows the name yet: frames are taken and kept.
            let request = try rig.feeder(.request)
            try Self.feed(rig, request)
            try rig.pass(.milliseconds(50))
            #expect(rig.arrived.isEmpty)
            #expect(asked.withLock { Set($0) } == ["infers 5560"])

            let first = rig.inferEndpoint
            let port = try #require(first.split(separator: ":").last)
            let second = try rig.startInfer(at: "tcp://127.0.0.2:\(port)")
            answer.withLock { $0 = .success([first]) }
            try rig.wait(for: "one frame of each") { rig.arrived.count == 16 }
            #expect(rig.arrived.allSatisfy { $0.infer == first })

            answer.withLock { $0 = .success([first, second]) }
            let its = try Self.streams(of: second, among: [first, second])
            try rig.pass(.milliseconds(300))
            try Self.feed(rig, request)
            try rig.wait(for: "two frames of each") { rig.arrived.count == 32 }
            #expect(Set(rig.arrived.filter { $0.infer == second }.map(\.header.stream.description)) == its)

            // A resolver that fails takes nobody away.
            answer.withLock { $0 = .failure(InferSourceError("no answer")) }
            try rig.pass(.milliseconds(100))
            try Self.feed(rig, request)
            try rig.wait(for: "three frames of each") { rig.arrived.count == 48 }

            answer.withLock { $0 = .success([first]) }
            try rig.pass(.milliseconds(200))
            try Self.feed(rig, request)
            try rig.wait(for: "four frames of each") { rig.arrived.count == 64 }
            #expect(rig.arrived.suffix(16).allSatisfy { $0.infer == first })
            Self.check(rig, frames: 4)
        }
        #expect(counters.resent == 0)
        #expect(counters.moves[.joined] == counters.moves[.left])
        #expect(counters.moves[.joined, default: 0] > 0)
    }

    @Test func theSystemsResolverKnowsAddresses() async throws {
        try await runOnThread(named: "resolver") {
            let resolve = IngestConfiguration().resolver
            let (four, six) = (try resolve("127.0.0.1", 5560), try resolve("::1", 5560))
            let local = try resolve("localhost", 1)
            #expect(four == ["tcp://127.0.0.1:5560"])
            #expect(six == ["tcp://[::1]:5560"])
            #expect(local == ["tcp://127.0.0.1:1"] || local == ["tcp://[::1]:1"])
            let error = #expect(throws: InferSourceError.self) { try resolve("no such name", 1) }
            #expect(error?.description.hasPrefix("no such name cannot be resolved") == true)
        }
    }

    @Test func aListThatIsNotThereIsNamedAtTheStart() async throws {
        let list = List()
        let error = await #expect(throws: StageFailure.self) {
            try await withIngest({ $0.infers = ["file:\(list.path)"] }) { _ in }
        }
        #expect(error?.description.contains("\(list.path): there is no such file") == true, "\(error as Any)")
    }
}
