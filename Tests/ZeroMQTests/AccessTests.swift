import Foundation
import Synchronization
import Testing
import ZeroMQ

private let cameras = PeerGroup(rawValue: "cameras")
private let viewers = PeerGroup(rawValue: "viewers")

/// Who may bind where without keys.
@Suite(.timeLimit(.minutes(1)))
struct BindingTests {
    @Test(arguments: [
        "tcp://*:*", "tcp://0.0.0.0:*", "tcp://192.0.2.1:5550", "tcp://eth0:*", "tcp://localhost:*", "tcp://127.evil:*",
        "tcp://1270.0.1:*", "udp://127.0.0.1:5550", "tcp://:::*",
    ])
    func `without keys only this machine can connect`(endpoint: String) async throws {
        try await runOnThread(named: "test") {
            let socket = try Socket(.pull, in: Context())
            let error = #expect(throws: ZeroMQError.self) { try socket.bind(endpoint) }
            #expect(error?.code == .unprotected)
            #expect(error?.description.contains("--anyone-may-connect") == true)
            #expect(socket.boundEndpoints.isEmpty)
        }
    }

    @Test(arguments: ["tcp://127.0.0.1:*", "tcp://127.9.8.7:*", "tcp://lo:*", "inproc://here"])
    func `this machine can`(endpoint: String) async throws {
        try await runOnThread(named: "test") { try Socket(.pull, in: Context()).bind(endpoint) }
    }

    @Test func `whoever says so binds anywhere`() async throws {
        try await runOnThread(named: "test") { try Socket(.pull, in: Context(access: .anybody)).bind("tcp://*:*") }
    }

    @Test func `with keys a socket that says nobody belongs to it neither binds nor connects`() async throws {
        let ring = KeyRing(own: try KeyPair.generate(), peers: .init())
        try await runOnThread(named: "test") {
            let context = try Context(access: .keys(ring))
            let socket = try Socket(.pull, in: context)
            for attempt in [{ _ = try socket.bind("tcp://127.0.0.1:*") }, { try socket.connect("tcp://127.0.0.1:1") }] {
                let error = #expect(throws: ZeroMQError.self) { try attempt() }
                #expect(error?.code == .peersUnknown)
            }
        }
    }
}

/// CURVE with the authenticator.
@Suite(.timeLimit(.minutes(2)))
struct AccessTests {
    /// A server's keys, those of one camera, and a server with the camera's key.
    private struct Keys {
        let server: KeyRing
        let camera: KeyPair
        let refusals = RefusalList()

        init(refresh: (@Sendable () -> KeyRing.Peers?)? = nil, onDeath: @escaping @Sendable () -> Void = {}) throws {
            camera = try KeyPair.generate()
            let list = refusals
            server = KeyRing(
                own: try KeyPair.generate(), peers: .init(allowed: [cameras: [camera.publicKey]]), refresh: refresh,
                onRefusal: { refusal in list.refusals.withLock { $0.append(refusal) } }, onDeath: onDeath)
        }

        /// Binds a socket for cameras.
        func bind(
            group: PeerGroup = cameras, at endpoint: String = "tcp://127.0.0.1:*", in context: Context? = nil
        ) throws -> (socket: Socket, endpoint: String) {
            var options = SocketOptions()
            options.accepts = group
            let socket = try Socket(.pull, in: context ?? Context(access: .keys(server)), options: options)
            return (socket, try socket.bind(endpoint))
        }

        /// Connects with keys and tells how that ends.
        func connect(_ own: KeyPair, to endpoint: String, expecting key: PublicKey? = nil) throws -> Monitor.Event.Kind
        {
            let ring = KeyRing(own: own, peers: .init(servers: [cameras: key ?? server.own.publicKey]))
            var options = SocketOptions()
            options.server = cameras
            let context = try Context(access: .keys(ring))
            let socket = try Socket(.push, in: context, options: options)
            let monitor = try Monitor(watching: socket, in: context)
            try socket.connect(endpoint)
            return try end(monitor)
        }
    }

    private final class RefusalList: Sendable {
        let refusals = Mutex<[KeyRing.Refusal]>([])
    }

    /// How a handshake ends.
    private static func end(_ monitor: Monitor) throws -> Monitor.Event.Kind {
        let poller = Poller()
        _ = poller.watch(monitor.socket)
        let ends: [Monitor.Event.Kind] = [.ready, .keyRefused, .handshakeFailed]
        while true {
            try poller.wait(timeout: nil)
            while let event = try monitor.next() { if ends.contains(event.kind) { return event.kind } }
        }
    }

    @Test(arguments: ["tcp://127.0.0.1:*", "ipc://@posebus-test-\(getpid())"])
    func `a known key is let in and its messages carry it`(endpoint: String) async throws {
        try await runOnThread(named: "test") {
            let keys = try Keys()
            let (socket, bound) = try keys.bind(at: endpoint)
            let ring = KeyRing(own: keys.camera, peers: .init(servers: [cameras: keys.server.own.publicKey]))
            var options = SocketOptions()
            options.server = cameras
            let camera = try Socket(.push, in: Context(access: .keys(ring)), options: options)
            try camera.connect(bound)
            #expect(try camera.send([Message("one"), Message("two")], blocking: true))
            guard case .parts(let parts)? = try socket.receive(blocking: true) else {
                Issue.record("no message came")
                return
            }
            #expect(parts.map(\.text) == ["one", "two"])
            #expect(parts.map(\.sender) == [keys.camera.publicKey, keys.camera.publicKey])
            #expect(keys.server.refusalCount == 0, "the self-test's own refusals do not count")
        }
    }

    @Test func `an unknown key, and one of another group, are refused and reported`() async throws {
        try await runOnThread(named: "test") {
            let keys = try Keys()
            let (held, endpoint) = try keys.bind()
            let stranger = try KeyPair.generate()
            #expect(try keys.connect(stranger, to: endpoint) == .keyRefused)
            let refusal = keys.refusals.refusals.withLock { $0.first }
            #expect(refusal?.group == cameras)
            #expect(refusal?.address == "127.0.0.1")
            #expect(refusal?.key == stranger.publicKey)

            let (other, otherEndpoint) = try keys.bind(group: viewers)
            #expect(try keys.connect(keys.camera, to: otherEndpoint) == .keyRefused)
            #expect(try keys.connect(keys.camera, to: endpoint) == .ready)
            withExtendedLifetime((held, other)) {}
        }
    }

    @Test func `a server with another key than expected is not connected to`() async throws {
        try await runOnThread(named: "test") {
            let keys = try Keys()
            let (held, endpoint) = try keys.bind()
            let other = try KeyPair.generate().publicKey
            #expect(try keys.connect(keys.camera, to: endpoint, expecting: other) != .ready)
            withExtendedLifetime(held) {}
        }
    }

    @Test func `peers are read again when somebody comes`() async throws {
        let late = try KeyPair.generate()
        try await runOnThread(named: "test") {
            let keys = try Keys(refresh: { KeyRing.Peers(allowed: [cameras: [late.publicKey]]) })
            let (held, endpoint) = try keys.bind()
            #expect(try keys.connect(late, to: endpoint) == .ready)
            #expect(try keys.connect(keys.camera, to: endpoint) == .keyRefused, "it was taken out")
            withExtendedLifetime(held) {}
        }
    }

    /// The stage must end then, and nobody is let in meanwhile.
    @Test func `when the authenticator dies its owner is told and nobody is let in`() async throws {
        let death = DispatchSemaphore(value: 0)
        try await runOnThread(named: "test") {
            let keys = try Keys(onDeath: { death.signal() })
            let context = try Context(access: .keys(keys.server))
            let (held, endpoint) = try keys.bind(in: context)
            #expect(try keys.connect(keys.camera, to: endpoint) == .ready)
            context.stopAuthenticator()
            #expect(death.wait(timeout: .now() + 60) == .success)
            #expect(try keys.connect(keys.camera, to: endpoint) != .ready)
            withExtendedLifetime(held) {}
        }
    }

    @Test func `a socket does not bind where the self-test gets in`() async throws {
        try await runOnThread(named: "test") {
            // A server without keys lets the stranger's NULL handshake through.
            let context = try Context()
            let open = try Socket(.pull, in: context)
            let endpoint = try open.bind("tcp://127.0.0.1:*")
            let ring = KeyRing(own: try KeyPair.generate(), peers: .init())
            let error = #expect(throws: ZeroMQError.self) {
                try SelfTest(endpoint: endpoint, kind: .pull, ring: ring, patience: .seconds(2)).run()
            }
            #expect(error?.code == .strangersAdmitted)
        }
    }
}
