import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(5)))
struct SocketTests {
    @Test func `a message arrives whole and in order`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            let pull = try Socket(.pull, in: context, options: .patient)
            let endpoint = try pull.bind("tcp://127.0.0.1:*")
            let push = try Socket(.push, in: context, options: .patient)
            try push.connect(endpoint)

            for number in 0..<100 {
                try sendWaiting(
                    [Message("\(number)"), Message([UInt8](repeating: UInt8(number), count: 100_000))], push)
                let parts = try receiveWaiting(pull)
                #expect(parts.count == 2)
                #expect(parts[0].text == "\(number)")
                #expect(parts[1].count == 100_000)
                #expect(parts[1].bytes.allSatisfy { $0 == UInt8(number) })
            }
        }
    }

    @Test func `a wildcard port is resolved and a taken one is named in the error`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            let first = try Socket(.pull, in: context, options: .patient)
            let endpoint = try first.bind("tcp://127.0.0.1:*")
            #expect(!endpoint.contains("*"))
            let second = try Socket(.pull, in: context, options: .patient)
            let error = #expect(throws: ZeroMQError.self) { try second.bind(endpoint) }
            #expect(error?.code == .addressInUse)
            #expect(error?.description.contains(endpoint) == true)
            #expect(error?.description.contains("choose another endpoint") == true)
        }
    }

    @Test func `a message with too many parts is discarded and the next one is read`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            let pull = try Socket(.pull, in: context, options: .patient)
            let push = try Socket(.push, in: context, options: .patient)
            try push.connect(try pull.bind("tcp://127.0.0.1:*"))
            try sendWaiting((0..<10).map { Message("\($0)") }, push)
            try sendWaiting([Message("good")], push)
            guard case .tooManyParts(10)? = try pull.receive(maxParts: 2, blocking: true) else {
                Issue.record("ten parts were not refused")
                return
            }
            #expect(try receiveWaiting(pull).map(\.text) == ["good"])
        }
    }

    @Test func `a part over the size limit never reaches the reader`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            var options = SocketOptions.patient
            options.maxMessageSize = 1000
            options.receiveTimeout = .seconds(60)
            let pull = try Socket(.pull, in: context, options: options)
            let endpoint = try pull.bind("tcp://127.0.0.1:*")
            let offender = try Socket(.push, in: context, options: .patient)
            try offender.connect(endpoint)
            try sendWaiting([Message([UInt8](repeating: 0, count: 1001))], offender)
            let honest = try Socket(.push, in: context, options: .patient)
            try honest.connect(endpoint)
            try sendWaiting([Message([UInt8](repeating: 1, count: 1000))], honest)
            #expect(try receiveWaiting(pull).map(\.count) == [1000])
        }
    }

    @Test func `sending shares the buffer and keeps the message usable`() async throws {
        try await runOnThread(named: "test") {
            let context = try Context()
            let pull = try Socket(.pull, in: context, options: .patient)
            let push = try Socket(.push, in: context, options: .patient)
            try push.connect(try pull.bind("inproc://sharing"))
            let message = Message([UInt8](repeating: 7, count: 1 << 20))
            for _ in 0..<3 {
                try sendWaiting([message], push)
                // Over inproc the receiver sees the sender's own buffer: nothing was copied.
                let received = try receiveWaiting(pull)
                #expect(received[0].withUnsafeBytes { $0.baseAddress } == message.withUnsafeBytes { $0.baseAddress })
            }
            #expect(message.bytes[0] == 7)
        }
    }

    @Test func `shutting the context down ends a blocked thread cleanly`() async throws {
        let context = try Context()
        async let blocked: Void = runOnThread(named: "blocked") {
            let pull = try Socket(.pull, in: context, options: .patient)
            try pull.bind("inproc://never")
            _ = try pull.receive(blocking: true)
            Issue.record("a receive returned without a message")
        }
        context.shutdown()
        try await blocked
    }
}

private func sendWaiting(_ parts: [Message], _ socket: Socket) throws {
    #expect(try socket.send(parts, blocking: true))
}

private func receiveWaiting(_ socket: Socket) throws -> [Message] {
    guard case .parts(let parts)? = try socket.receive(blocking: true) else { return [] }
    return parts
}

extension SocketOptions {
    /// Closes no connection because time has passed: a machine that stalls for seconds must not fail a test.
    static var patient: SocketOptions {
        var options = SocketOptions()
        options.heartbeatInterval = nil
        options.handshakeInterval = .seconds(60)
        return options
    }
}
