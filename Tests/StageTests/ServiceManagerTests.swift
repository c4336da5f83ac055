import Foundation
import Stage
import Testing

@Suite struct ServiceManagerTests {
    /// What systemd would hear.
    private final class Listener {
        let descriptor: Int32

        /// Binds to `path`; one that begins with @ is in the abstract namespace.
        init(_ path: String) throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            var bytes = Array(path.utf8)
            if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + bytes.count)
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            try #require(status == 0)
        }

        deinit { close(descriptor) }

        /// What has come; nil for nothing.
        func heard() -> String? {
            var bytes = [UInt8](repeating: 0, count: 1000)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    private func path() -> String { NSTemporaryDirectory() + "posebus-\(UUID().uuidString)" }

    @Test func itHearsThatAStageIsReady() throws {
        let path = path()
        defer { unlink(path) }
        let listener = try Listener(path)
        ServiceManager(environment: ["NOTIFY_SOCKET": path]).ready(status: "outcomes=tcp://127.0.0.1:5570")
        #expect(listener.heard() == "READY=1\nSTATUS=outcomes=tcp://127.0.0.1:5570")
    }

    @Test func itsSocketMayBeAbstract() throws {
        let name = "@posebus-\(UUID().uuidString)"
        let listener = try Listener(name)
        ServiceManager(environment: ["NOTIFY_SOCKET": name]).ready(status: "x")
        #expect(listener.heard() == "READY=1\nSTATUS=x")
    }

    @Test func itHearsOfLifeThreeTimesBeforeItWouldAct() throws {
        let path = path()
        defer { unlink(path) }
        let listener = try Listener(path)
        let manager = ServiceManager(environment: [
            "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "\(getpid())",
        ])
        #expect(manager.watches)
        var signs: [Int64] = []
        for second in Int64(1)...30 {
            manager.alive(at: second * 1_000_000_000)
            if let message = listener.heard() {
                #expect(message == "WATCHDOG=1")
                signs.append(second)
            }
        }
        #expect(signs == [1, 11, 21])
    }

    @Test func otherProcessesOfTheServiceAreNotWatched() {
        let environment = ["NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "30000000"]
        #expect(!ServiceManager(environment: environment.merging(["WATCHDOG_PID": "1"]) { $1 }).watches)
        #expect(!ServiceManager(environment: ["WATCHDOG_USEC": "30000000"]).watches, "there is nobody to tell")
        #expect(ServiceManager(environment: environment).watches)
    }

    @Test func nobodyListensAndNothingHappens() {
        ServiceManager(environment: [:]).ready(status: "x")
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "1"])
        manager.ready(status: "x")
        manager.alive()
        ServiceManager(environment: ["NOTIFY_SOCKET": String(repeating: "x", count: 500)]).ready(status: "x")
    }
}
