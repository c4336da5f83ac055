import Foundation
import Testing
import ZeroMQ

@Suite("A meter counts what libzmq still holds", .timeLimit(.minutes(5)))
struct MessageMeterTests {
    @Test("A message counts until its last owner has let it go, shared or not", arguments: [0, 1, 33, 34, 100_000])
    func alone(size: Int) throws {
        let meter = MessageMeter()
        do {
            let bytes = Array(repeating: UInt8(7), count: size)
            let message = bytes.withUnsafeBytes { Message(copying: $0, countedBy: meter) }
            #expect(message.bytes == bytes && meter.bytesHeld == size)
        }
        #expect(meter.bytesHeld == 0 && meter.bytesFreed == size)
    }

    @Test("What was sent counts until it is with the kernel, and a lost connection frees the rest")
    func sent() throws {
        let context = try Context()
        var options = SocketOptions()
        options.sendHighWaterMark = 1000
        let router = try Socket(.router, in: context, options: options)
        let endpoint = try router.bind("tcp://127.0.0.1:*")
        options.receiveHighWaterMark = 1
        let dealer = try Socket(.dealer, in: context, options: options)
        try dealer.connect(endpoint)
        #expect(try dealer.send([Message("hello")], blocking: true))
        guard case .parts(let hello)? = try router.receive(blocking: true) else { throw POSIXError(.ETIMEDOUT) }

        let meter = MessageMeter()
        let payload = Array(repeating: UInt8(1), count: 1 << 20)
        func send() throws {
            let message = payload.withUnsafeBytes { Message(copying: $0, countedBy: meter) }
            #expect(try router.send([hello[0], message], blocking: true))
        }
        // A peer that reads takes all of it.
        try send()
        guard case .parts? = try dealer.receive(blocking: true) else { throw POSIXError(.ETIMEDOUT) }
        try wait { meter.bytesHeld == 0 }
        // One that does not leaves what the kernel has no room for.
        for _ in 0..<64 { try send() }
        try wait { meter.bytesFreed > 1 << 20 }
        #expect(meter.bytesHeld > 16 << 20)
        #expect(try #require(router.bytesTaken(bySenderOf: hello[1])) > 1 << 20)
        router.cutOff(senderOf: hello[1])
        // libzmq frees them once the socket's owner has let it take note.
        try wait {
            _ = try router.receive()
            return meter.bytesHeld == 0
        }
        #expect(meter.bytesFreed == 65 << 20)
    }

    private func wait(until isDone: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try !isDone() {
            guard .now < deadline else { throw POSIXError(.ETIMEDOUT) }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }
}
