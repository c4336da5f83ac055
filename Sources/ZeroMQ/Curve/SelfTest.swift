internal import CZeroMQ
internal import Glibc

/// Plays strangers at a socket's own endpoint: nothing that is only set up, but everything that is really in force,
/// turns them away.
package struct SelfTest {
    let endpoint: String
    let kind: SocketKind
    let ring: KeyRing
    /// How long an answer may take. Only a broken authenticator needs all of it.
    let patience: Duration

    /// A test of what is bound at an endpoint.
    package init(endpoint: String, kind: SocketKind, ring: KeyRing, patience: Duration = .seconds(20)) {
        self.endpoint = endpoint
        self.kind = kind
        self.ring = ring
        self.patience = patience
    }

    /// - Throws: `ZeroMQError` with `.strangersAdmitted` unless everybody is turned away.
    package func run() throws(ZeroMQError) {
        let address = reachableEndpoint
        guard try isUnknownKeyRefused(address) else { throw failure("an unknown key") }
        for mechanism in ["NULL", "PLAIN"] {
            guard isCutOff(address, mechanism: mechanism) else { throw failure("the mechanism \(mechanism)") }
        }
    }

    private func failure(_ who: String) -> ZeroMQError {
        ZeroMQError(code: .strangersAdmitted, operation: "bind", subject: "\(endpoint) (\(who))")
    }

    /// Where this process reaches what is bound to all addresses.
    private var reachableEndpoint: String {
        endpoint.hasPrefix("tcp://0.0.0.0:")
            ? "tcp://127.0.0.1:" + endpoint.dropFirst("tcp://0.0.0.0:".count) : endpoint
    }

    /// Connects as a proper peer whose key nobody knows, and waits for the refusal.
    private func isUnknownKeyRefused(_ address: String) throws(ZeroMQError) -> Bool {
        let stranger = try KeyPair.generate()
        ring.expectRefusal(of: stranger.publicKey)
        let context = try Context()
        let socket = try Socket(kind.counterpart, in: context)
        let monitor = try Monitor(watching: socket, in: context)
        try socket.use(stranger, towards: ring.own.publicKey)
        try socket.connect(address)
        let poller = Poller()
        _ = poller.watch(monitor.socket)
        let deadline = ContinuousClock.now + patience
        while deadline > .now {
            try poller.wait(timeout: deadline - .now)
            while let event = try monitor.next() {
                if event.kind == .ready { return false }
                if event.kind == .keyRefused { return true }
            }
        }
        return false
    }

    /// Greets with another mechanism (ZMTP 3.0, RFC 23) and waits to be cut off. libzmq's own client would notice the
    /// difference first and prove nothing, so this speaks for itself.
    private func isCutOff(_ address: String, mechanism: String) -> Bool {
        guard let descriptor = open(address) else { return false }
        defer { close(descriptor) }
        var timeout = timeval(tv_sec: Int(patience.components.seconds), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))

        var greeting: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]
        greeting += Array(mechanism.utf8) + [UInt8](repeating: 0, count: 20 - mechanism.utf8.count)
        greeting += [UInt8](repeating: 0, count: 32)
        // READY with the type of socket that belongs here, and HELLO without a name: whichever of them fits.
        let type = Array(kind.counterpart.wireName.utf8)
        let properties = [11] + Array("Socket-Type".utf8) + [0, 0, 0, UInt8(type.count)] + type
        let ready = [5] + Array("READY".utf8) + properties
        let hello = [5] + Array("HELLO".utf8) + [0, 0]
        greeting += [4, UInt8(mechanism == "NULL" ? ready.count : hello.count)] + (mechanism == "NULL" ? ready : hello)
        guard send(descriptor, greeting, greeting.count, Int32(MSG_NOSIGNAL)) == greeting.count else {
            return errno == EPIPE || errno == ECONNRESET
        }

        // Its own greeting has 64 bytes. Whatever follows would be an answer to ours.
        var received = 0
        var buffer = [UInt8](repeating: 0, count: 256)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 || (count < 0 && errno == ECONNRESET) { return received <= 64 }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            received += count
        }
    }

    private func open(_ address: String) -> Int32? {
        if address.hasPrefix("ipc://") {
            var path = sockaddr_un()
            path.sun_family = sa_family_t(AF_UNIX)
            let text = Array(address.dropFirst("ipc://".count).utf8)
            guard text.count < MemoryLayout.size(ofValue: path.sun_path) else { return nil }
            withUnsafeMutableBytes(of: &path.sun_path) { $0.copyBytes(from: text) }
            // A name that begins with @ is abstract: its first byte is zero and its length is its end.
            if text.first == UInt8(ascii: "@") { path.sun_path.0 = 0 }
            let length =
                text.first == UInt8(ascii: "@")
                ? MemoryLayout<sa_family_t>.size + text.count : MemoryLayout<sockaddr_un>.size
            return connected(AF_UNIX, &path, length)
        }
        guard address.hasPrefix("tcp://"), let colon = address.lastIndex(of: ":"),
            let port = UInt16(address[address.index(after: colon)...])
        else { return nil }
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        guard inet_pton(AF_INET, String(address[..<colon].dropFirst(6)), &place.sin_addr) == 1 else { return nil }
        return connected(AF_INET, &place, MemoryLayout<sockaddr_in>.size)
    }

    private func connected(_ family: Int32, _ address: UnsafeRawPointer, _ length: Int) -> Int32? {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let generic = address.assumingMemoryBound(to: sockaddr.self)
        guard Glibc.connect(descriptor, generic, socklen_t(length)) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}

extension SocketKind {
    /// The kind that talks to this one.
    fileprivate var counterpart: SocketKind {
        switch self {
        case .pull: .push
        case .push: .pull
        case .router, .reply, .dealer: .dealer
        case .request: .router
        case .publish, .extendedPublish: .subscribe
        case .subscribe: .publish
        case .pair: .pair
        }
    }

    /// Its name on the wire.
    fileprivate var wireName: String {
        switch self {
        case .push: "PUSH"
        case .pull: "PULL"
        case .router: "ROUTER"
        case .dealer: "DEALER"
        case .request: "REQ"
        case .reply: "REP"
        case .publish: "PUB"
        case .subscribe: "SUB"
        case .extendedPublish: "XPUB"
        case .pair: "PAIR"
        }
    }
}
