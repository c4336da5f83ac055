import Foundation
import Testing
import ZeroMQ

/// What connections may cost.
@Suite(.timeLimit(.minutes(2)))
struct ConnectionGuardTests {
    @Test func `idle strangers give way to whoever has something to say`() async throws {
        try await runOnThread(named: "test") {
            var options = SocketOptions()
            options.maxConnections = 20
            options.receiveTimeout = .seconds(60)
            options.handshakeInterval = .seconds(600)  // libzmq's own limit must not help here
            let pull = try Socket(.pull, in: Context(), options: options)
            let endpoint = try pull.bind("tcp://127.0.0.1:*")
            let early = try connected(to: endpoint)
            try exchange(early, pull)
            let idle = (0..<100).map { _ in dial(endpoint) }
            defer { idle.forEach { close($0) } }
            #expect(!idle.contains(-1))
            try wait(for: "no more connections than allowed") { pull.connectionCount <= 20 }
            try wait(for: "the others to be cut off") { idle.count(where: isClosed) >= 80 }
            // Who was there goes on, and who comes gets in.
            try exchange(early, pull)
            let late = try connected(to: endpoint)
            try exchange(late, pull)
            try exchange(early, pull)
        }
    }

    @Test func `messages that never end are cut off at the limit`() async throws {
        try await runOnThread(named: "test") {
            var options = SocketOptions()
            options.maxUnfinishedBytes = 4 << 20
            options.heartbeatInterval = nil  // these peers answer none, and it must not be that which ends them
            options.receiveTimeout = .seconds(60)
            let pull = try Socket(.pull, in: Context(), options: options)
            let endpoint = try pull.bind("tcp://127.0.0.1:*")
            let honest = try connected(to: endpoint)
            let part = [UInt8](repeating: 7, count: 1 << 20)
            let frame: [UInt8] = [3] + withUnsafeBytes(of: UInt64(part.count).bigEndian) { Array($0) } + part
            let endless = (0..<16).map { _ in dial(endpoint) }
            defer { endless.forEach { close($0) } }
            for descriptor in endless { greet(descriptor, as: "PUSH") }
            for descriptor in endless { _ = send(descriptor, frame, frame.count, Int32(MSG_NOSIGNAL)) }
            // The socket has to be read: only then is it known that what is left cannot be.
            try wait(for: "the largest to be cut off") {
                _ = try pull.receive()
                return endless.count(where: isClosed) >= 12
            }
            for _ in 0..<100 { try exchange(honest, pull) }
            #expect(endless.count(where: isClosed) <= 13, "below the limit nobody is cut off")
        }
    }

    @Test func `a large message that comes slowly is not taken for one that never ends`() async throws {
        try await runOnThread(named: "test") {
            var options = SocketOptions()
            options.maxUnfinishedBytes = 8 << 20
            options.heartbeatInterval = nil
            options.receiveTimeout = .milliseconds(1)
            let pull = try Socket(.pull, in: Context(), options: options)
            let endpoint = try pull.bind("tcp://127.0.0.1:*")
            let descriptor = dial(endpoint)
            defer { close(descriptor) }
            greet(descriptor, as: "PUSH")
            let chunk = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<5 {
                // One message of four parts, each with the flag for more but the last.
                for part in 0..<4 {
                    let flags: UInt8 = part == 3 ? 2 : 3
                    let frame = [flags] + withUnsafeBytes(of: UInt64(chunk.count).bigEndian) { Array($0) } + chunk
                    #expect(send(descriptor, frame, frame.count, Int32(MSG_NOSIGNAL)) == frame.count)
                    for _ in 0..<150 { _ = part < 3 ? try pull.receive(blocking: true) : nil }
                }
                var received: Received?
                while received == nil { received = try pull.receive(blocking: true) }
                guard case .parts(let parts)? = received else {
                    Issue.record("a message was lost")
                    return
                }
                #expect(parts.map(\.count) == [1 << 20, 1 << 20, 1 << 20, 1 << 20])
            }
        }
    }
}

/// Something did not happen in time.
private struct Late: Error {
    let what: String
}

private func wait(for what: String, _ condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(45)
    while try !condition() {
        guard .now < deadline else { throw Late(what: what) }
        usleep(1000)
    }
}

private func connected(to endpoint: String) throws -> Socket {
    let push = try Socket(.push, in: Context())
    try push.connect(endpoint)
    return push
}

private func exchange(_ push: Socket, _ pull: Socket) throws {
    #expect(try push.send([Message("hello")], blocking: true))
    guard case .parts(let parts)? = try pull.receive(blocking: true) else {
        Issue.record("a message of an honest peer did not arrive")
        return
    }
    #expect(parts.map(\.text) == ["hello"])
}

/// A plain TCP connection.
private func dial(_ endpoint: String) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = (UInt16(endpoint.split(separator: ":").last ?? "") ?? 0).bigEndian
    place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let result = withUnsafePointer(to: &place) {
        connect(
            descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
            socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    return result == 0 ? descriptor : -1
}

/// Whether the other side has closed a connection.
private func isClosed(_ descriptor: Int32) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        if count == 0 { return true }
        if count < 0 { return errno != EAGAIN && errno != EINTR }
    }
}

/// Greets as a ZMTP 3.0 peer without keys.
private func greet(_ descriptor: Int32, as type: String) {
    var bytes: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + Array("NULL".utf8)
    bytes += [UInt8](repeating: 0, count: 64 - bytes.count)
    let ready = [5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, UInt8(type.utf8.count)]
    bytes += [4, UInt8(ready.count + type.utf8.count)] + ready + Array(type.utf8)
    #expect(send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
}
