import Foundation
import Metering
import Testing

@Suite struct HTTPGetTests {
    @Test func readsAnswers() throws {
        let plain = try #require(answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nX-A:  b\r\n\r\nok"))
        #expect(plain.status == 503)
        #expect(plain.fields["x-a"] == "b")
        #expect(Array(plain.body) == Array("ok".utf8))
        let chunked = try #require(
            answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"))
        #expect(Array(chunked.body) == Array("abc0123456789".utf8))
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshor",
    ])
    func anythingElseIsNoAnswer(text: String) {
        #expect(answer(text) == nil)
    }

    @Test func takesAddressesApart() {
        let cases = [
            "http://127.0.0.1:5580/healthz": "127.0.0.1 5580 /healthz", "http://[::1]:80": "::1 80 /",
            "http://host/a?b=c#d": "host 80 /a?b=c", "http://host?q": "host 80 /?q",
        ]
        for (url, parts) in cases {
            #expect(HTTPTarget(url).map { "\($0.host) \($0.port) \($0.path)" } == parts)
        }
        for url in ["https://host", "host:80", "http://", "http://a:b:c", "http://h:99999", "http://h/a b"] {
            #expect(HTTPTarget(url) == nil)
        }
    }

    @Test func aServerThatIsNotThereOrSaysNothingIsSaidSo() async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(listener, $0, size) == 0)
                #expect(getsockname(listener, $0, &size) == 0)
            }
        }
        let url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/healthz"
        let refused = #expect(throws: HTTPGet.Failure.self) { try HTTPGet(url) }
        #expect(refused?.description == "\(url): Connection refused")
        #expect(listen(listener, 1) == 0)
        let silent = #expect(throws: HTTPGet.Failure.self) { try HTTPGet(url, timeout: .milliseconds(100)) }
        #expect(silent?.description == "\(url): no answer in time")
    }

    private func answer(_ text: String) -> HTTPAnswer? { HTTPAnswer(bytes: Array(text.utf8)) }
}
