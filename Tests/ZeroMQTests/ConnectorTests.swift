import Foundation
import Testing
import ZeroMQ

/// Connections that stand again whatever was at the other end.
@Suite(.timeLimit(.minutes(2)))
struct ConnectorTests {
    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", "\u{0}"])
    func `a port where something else answered is tried again`(answer: String) async throws {
        try await runOnThread(named: "test") {
            let (listener, port) = try listen()
            let connector = try Connector(
                .push, to: "tcp://127.0.0.1:\(port)", in: Context(), options: SocketOptions())
            for _ in 0..<2 {
                var stranger: Int32 = -1
                try wait(
                    until: {
                        _ = try connector.changes()
                        stranger = accept(listener, nil, nil)
                        return stranger >= 0
                    }, "a connection")
                // Enough for a whole greeting.
                let bytes = Array(String(repeating: answer, count: 200).utf8)
                _ = Glibc.send(stranger, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                let end = ContinuousClock.now + .milliseconds(1500)
                while ContinuousClock.now < end {
                    #expect(try !connector.changes().contains(.up))
                    usleep(20_000)
                }
                close(stranger)
            }
            close(listener)
            let pull = try Socket(.pull, in: Context(), options: patient)
            try pull.bind("tcp://127.0.0.1:\(port)")
            try wait(for: .up, of: connector)
            #expect(try connector.socket.send([Message([1])]))
            guard case .parts(let parts)? = try pull.receive(blocking: true) else {
                Issue.record("nothing was received")
                return
            }
            #expect(parts.map(\.bytes) == [[1]])
        }
    }

    @Test func `what is sent to a lost peer does not reach its successor`() async throws {
        try await runOnThread(named: "test") {
            var pull: Socket? = try Socket(.pull, in: Context(), options: patient)
            let endpoint = try #require(try pull?.bind("tcp://127.0.0.1:*"))
            let connector = try Connector(.push, to: endpoint, in: Context(), options: SocketOptions())
            try wait(for: .up, of: connector)
            pull = nil
            try wait(until: { try !connector.socket.send([Message([1])]) }, "the queue for the lost peer is full")
            try wait(for: .lost, of: connector)
            let next = try Socket(.pull, in: Context(), options: patient)
            try next.bind(endpoint)
            try wait(for: .up, of: connector)
            #expect(try connector.socket.send([Message([2])]))
            guard case .parts(let parts)? = try next.receive(blocking: true) else {
                Issue.record("nothing was received")
                return
            }
            #expect(parts.map(\.bytes) == [[2]])
        }
    }
}

private var patient: SocketOptions {
    var options = SocketOptions()
    options.receiveTimeout = .seconds(60)
    return options
}

private func wait(until condition: () throws -> Bool, _ what: String) throws {
    let end = ContinuousClock.now + .seconds(60)
    while try !condition() {
        try #require(ContinuousClock.now < end, "\(what): not in time")
        usleep(5_000)
    }
}

private func wait(for change: Connector.Change, of connector: Connector) throws {
    try wait(until: { try connector.changes().contains(change) }, "\(change)")
}

/// A TCP socket of this test's own.
private func listen() throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
            bind(descriptor, pointer, size) == 0 && listen(descriptor, 8) == 0
                && getsockname(descriptor, pointer, &size) == 0
        }
    }
    try #require(bound)
    return (descriptor, UInt16(bigEndian: address.sin_port))
}
