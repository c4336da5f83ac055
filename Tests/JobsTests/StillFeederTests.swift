import Foundation
import JPEG
import Jobs
import Messages
import Testing
import ZeroMQ

@Suite("Single pictures get their own outcomes", .timeLimit(.minutes(10)))
struct StillFeederTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func feeder(
        _ bus: Bus, _ adjust: (inout StillFeeder.Configuration) -> Void = { _ in }
    ) throws -> (StillFeeder, [Service]) {
        let at = bus.endpoints
        var configuration = StillFeeder.Configuration(
            ingest: at.ingest, results: at.results, replay: at.replay, stream: try StreamName("stills"))
        adjust(&configuration)
        let feeder = StillFeeder(configuration, in: try Context(), logger: .quiet)
        return (
            feeder, [Service("feed") { try feeder.feed(until: $0) }, Service("read") { try feeder.read(until: $0) }]
        )
    }

    /// A JPEG whose width is its name.
    private func picture(width: Int) throws -> Message {
        let pixels = (0..<width * 16 * 3).map { UInt8(truncatingIfNeeded: $0) }
        let image = try pixels.withUnsafeBytes { try DecodedImage(bgr: $0, width: width, height: 16) }
        return Message(try JPEGEncoder().encode(image))
    }

    @Test("Many at once, each answered with its own; another feeder of the same stream mixes nothing up")
    func many() async throws {
        let bus = try await Bus(in: folder)
        let (one, services) = try feeder(bus)
        let (other, others) = try feeder(bus)
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<60 {
                let picture = try picture(width: 16 + 8 * index)
                group.addTask {
                    let feeder = index % 2 == 0 ? one : other
                    return try await feeder.outcome(of: picture, timeout: patience).frame.width == 16 + 8 * index
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(right == 60)
        for service in services + others { try service.end() }
        try bus.end()
    }

    @Test("A picture that is no good is refused with ingest's reason, and those beside it are not disturbed")
    func refused() async throws {
        let bus = try await Bus(in: folder)
        let (feeder, services) = try feeder(bus)
        let trace = TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        async let good = feeder.outcome(of: picture(width: 32), timeout: patience, trace: trace)
        await #expect {
            try await feeder.outcome(of: Message(Array("no picture".utf8)), timeout: patience)
        } throws: { error in
            if case StillFeeder.Failure.refused(let reason) = error { reason.hasPrefix("corrupt_jpeg") } else { false }
        }
        #expect(try await good.persons.count == 1)
        #expect(try await good.frame.traceID == trace?.traceID && trace != nil)
        for service in services { try service.end() }
        try bus.end()
    }

    @Test("Without infer there is an end to waiting; what comes later is answered again")
    func late() async throws {
        let bus = try await Bus(in: folder)
        try bus.stop("infer")
        let (feeder, services) = try feeder(bus)
        await #expect(throws: StillFeeder.Failure.late(.milliseconds(300))) {
            try await feeder.outcome(of: picture(width: 32), timeout: .milliseconds(300))
        }
        async let waiting = feeder.outcome(of: picture(width: 48), timeout: patience)
        try await bus.startInfer()
        #expect(try await waiting.frame.width == 48)
        for service in services { try service.end() }
        try bus.end()
    }

    @Test("No more are taken than may be under way, and stopping answers those that wait")
    func bounded() async throws {
        let bus = try await Bus(in: folder)
        try bus.stop("infer")
        let (feeder, services) = try feeder(bus) { $0.capacity = 2 }
        let picture = try picture(width: 32)
        let waiting = (0..<2).map { _ in Task { try await feeder.outcome(of: picture, timeout: patience) } }
        try await until("both to be under way") { feeder.pending == 2 }
        await #expect(throws: StillFeeder.Failure.busy(2)) {
            try await feeder.outcome(of: picture, timeout: patience)
        }
        for service in services { try service.end() }
        for task in waiting {
            await #expect(throws: StillFeeder.Failure.stopping) { try await task.value }
        }
        await #expect(throws: StillFeeder.Failure.stopping) {
            try await feeder.outcome(of: picture, timeout: patience)
        }
        try bus.end()
    }
}
