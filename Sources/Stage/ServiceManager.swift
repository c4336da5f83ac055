internal import Foundation
internal import Synchronization

/// What a stage tells the service manager that started it, such as systemd: one datagram a message, to the socket named in
/// NOTIFY_SOCKET. Source: sd_notify(3), whose library is not needed for it.
///
/// Nothing is said where nobody listens, and a message that cannot be sent is left out: a stage's work does not depend on it.
package final class ServiceManager: Sendable {
    /// This process's own.
    package static let own = ServiceManager(environment: ProcessInfo.processInfo.environment)

    private let socket: String?
    /// A third of the silence after which the manager ends this process, nanoseconds; nil where it does not watch.
    private let interval: Int64?
    private let lastSign = Atomic<Int64>(0)

    /// What the environment says.
    package init(environment: [String: String]) {
        let socket = environment["NOTIFY_SOCKET"]
        self.socket = socket
        // WATCHDOG_PID names whom the silence would be held against: not the children that inherit the variables.
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        let third = microseconds.multipliedReportingOverflow(by: 333)
        interval = socket != nil && isMeant && microseconds > 0 && !third.overflow ? third.partialValue : nil
    }

    /// Whether it ends this process after a silence.
    package var watches: Bool { interval != nil }

    /// The stage is ready; `status` is for people who ask the manager.
    package func ready(status: String) {
        send("READY=1\nSTATUS=\(status)")
    }

    /// All threads go on. Call it as often as you like.
    package func alive(at now: Int64 = Watchdog.now()) {
        guard let interval else { return }
        let last = lastSign.load(ordering: .relaxed)
        guard last == 0 || now - last >= interval else { return }
        lastSign.store(now, ordering: .relaxed)
        send("WATCHDOG=1")
    }

    private func send(_ message: String) {
        guard let socket else { return }
        var address = sockaddr_un()
        var path = Array(socket.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // The abstract namespace, where the first byte is 0.
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = MemoryLayout.offset(of: \sockaddr_un.sun_path)! + path.count
        let descriptor = Glibc.socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(message.utf8)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, socklen_t(length))
            }
        }
    }
}
