internal import Glibc

/// A TCP connection with a deadline.
final class TCPConnection {
    struct Problem: Error {
        let description: String

        init(_ description: String) {
            self.description = description
        }

        init(errno code: Int32) {
            description = String(cString: strerror(code))
        }
    }

    private let socket: Int32
    private let deadline: ContinuousClock.Instant

    init(to target: HTTPTarget, until deadline: ContinuousClock.Instant) throws(Problem) {
        self.deadline = deadline
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(target.host, target.port, &hints, &found)
        guard failure == 0 else { throw Problem("\(target.host): \(String(cString: gai_strerror(failure)))") }
        defer { freeaddrinfo(found) }
        var problem = Problem("\(target.host) has no address")
        var next = found
        while let address = next?.pointee {
            do throws(Problem) {
                socket = try Self.connect(to: address, until: deadline)
                return
            } catch {
                problem = error
            }
            next = address.ai_next
        }
        throw problem
    }

    private static func connect(to address: addrinfo, until deadline: ContinuousClock.Instant) throws(Problem) -> Int32
    {
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(address.ai_family, flags, 0)
        guard socket >= 0 else { throw Problem(errno: errno) }
        do throws(Problem) {
            if Glibc.connect(socket, address.ai_addr, address.ai_addrlen) != 0 {
                guard errno == EINPROGRESS else { throw Problem(errno: errno) }
                try wait(for: POLLOUT, on: socket, until: deadline)
                var code: Int32 = 0
                var size = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size)
                guard code == 0 else { throw Problem(errno: code) }
            }
        } catch {
            close(socket)
            throw error
        }
        return socket
    }

    private static func wait(
        for events: Int32, on socket: Int32, until deadline: ContinuousClock.Instant
    ) throws(Problem) {
        while true {
            let left = deadline - .now
            guard left > .zero else { throw Problem("no answer in time") }
            var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
            let count = poll(&entry, 1, Int32(clamping: Int(left / .milliseconds(1)) + 1))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw Problem(errno: errno) }
        }
    }

    func send(_ bytes: [UInt8]) throws(Problem) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try Self.wait(for: POLLOUT, on: socket, until: deadline)
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR, errno != EAGAIN {
                throw Problem(errno: errno)
            }
        }
    }

    /// Everything until the other side closes the connection.
    func receiveAll(limit: Int) throws(Problem) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            try Self.wait(for: POLLIN, on: socket, until: deadline)
            let count = recv(socket, &chunk, chunk.count, 0)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw Problem(errno: errno)
            }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else { throw Problem("the answer has more than \(limit) bytes") }
        }
    }

    deinit {
        close(socket)
    }
}
