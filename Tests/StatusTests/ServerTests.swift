import Foundation
import Logging
import Metering
import Stage
import Status
import Testing

@Suite struct ServerTests {
    /// A server on a free port, for as long as `body` runs.
    private func serving(
        limits: StatusServer.Limits = .init(), _ body: @escaping @Sendable (_ url: String, StageStatus) throws -> Void
    ) async throws {
        let status = StageStatus(.sink)
        let server = try await StatusServer(status, at: ("127.0.0.1", 0), limits: limits)
        let url = try #require(server.address.url)
        // It blocks, so that it needs a thread of its own.
        let result = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: Result { try body(url, status) }) }
        }
        await server.stop()
        try result.get()
    }

    @Test func answersWhatItIsAsked() async throws {
        try await serving { url, status in
            #expect(try HTTPGet(url + "/readyz").status == 503)
            status.setReady()
            let health = try HTTPGet(url + "/healthz")
            #expect(health.status == 200)
            #expect(health.fields["content-type"] == "application/json")
            #expect(HealthReport(json: health.body)?.isHealthy == true)
            let metrics = try HTTPGet(url + "/metrics")
            #expect(metrics.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(try MetricsSnapshot(text: metrics.body)["posebus_ready"] == 1)
            #expect(try HTTPGet(url + "/").status == 404)
        }
    }

    @Test func refusesWhatIsNoQuestion() async throws {
        try await serving { url, _ in
            let cases = [
                ("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 "),
                ("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 413 "),
                ("GET /livez HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "),
                ("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "),
                ("SSH-2.0-x\r\n\r\n", "HTTP/1.1 400 "),
                ("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 20_000) + "\r\n\r\n", "HTTP/1.1 4"),
            ]
            for (request, answer) in cases {
                let connection = try RawConnection(url)
                connection.send(request)
                #expect(connection.receive().hasPrefix(answer), "\(request.prefix(30))")
            }
        }
    }

    @Test func whoAsksManyTimesIsAnsweredOnce() async throws {
        try await serving { url, status in
            status.setReady()
            let connection = try RawConnection(url)
            connection.send(String(repeating: "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", count: 100))
            var answers = ""
            while case let part = connection.receive(), !part.isEmpty { answers += part }
            #expect(answers.hasPrefix("HTTP/1.1 200 "))
            #expect(answers.split(separator: "HTTP/1.1 ").count == 1)
        }
    }

    @Test func whoSaysNothingKeepsNobodyOut() async throws {
        var limits = StatusServer.Limits()
        limits.connections = 3
        try await serving(limits: limits) { url, _ in
            let idle = try (0..<10).map { _ in try RawConnection(url) }
            #expect(try HTTPGet(url + "/livez").status == 200)
            // The first ones were cut off for it.
            #expect(idle[0].receive() == "")
        }
        limits.time = .milliseconds(100)
        try await serving(limits: limits) { url, _ in
            let slow = try RawConnection(url)
            slow.send("GET /livez HTTP/1.1\r\nX: ")
            #expect(slow.receive() == "")
        }
    }

    @Test func anAddressInUseIsSaidSo() async throws {
        let server = try await StatusServer(StageStatus(.ingest), at: ("127.0.0.1", 0))
        let port = try #require(server.address.place?.port)
        let failure = await #expect(throws: StageFailure.self) {
            try await StatusServer(StageStatus(.ingest), at: ("127.0.0.1", port))
        }
        await server.stop()
        #expect(
            failure.map { "\($0)" } == """
                cannot serve the status at 127.0.0.1:\(port): Address already in use. Another posebus-ingest may be running; \
                choose another address with --status HOST:PORT, or do without with --status none.
                """)
    }
}

/// A TCP connection that sends what it likes.
private final class RawConnection {
    private let socket: Int32

    init(_ url: String) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = (UInt16(url.split(separator: ":").last ?? "") ?? 0).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    func send(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// What comes first; empty where the connection ends.
    func receive() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket, &bytes, bytes.count, 0)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
    }

    deinit { close(socket) }
}
