internal import CZeroMQ
internal import Foundation
internal import Synchronization

/// The ZAP handler of a context (RFC 27): the thread that libzmq asks about every peer that wants to connect.
///
/// It answers at `inproc://zeromq.zap.01`. A CURVE peer whose key the group of the endpoint allows is let in, with its
/// key (Z85) as `User-Id` on each of its messages; everybody else, and every other mechanism, is refused. While nobody
/// answers libzmq lets nobody in, because sockets are made with `ZMQ_ZAP_ENFORCE_DOMAIN`.
final class Authenticator: Sendable {
    static let endpoint = "inproc://zeromq.zap.01"

    private let ring: KeyRing
    private let stopped = Atomic<Bool>(false)

    /// Starts the thread and returns once it answers.
    init(for context: ContextHandle, ring: KeyRing) throws(ZeroMQError) {
        self.ring = ring
        let started = DispatchSemaphore(value: 0)
        let failure = Failure()
        let thread = Thread { [self] in
            posebus_name_this_thread("zap")
            do throws(ZeroMQError) {
                var options = SocketOptions()
                options.receiveTimeout = .milliseconds(200)
                let socket = try Socket(.reply, borrowing: context, options: options)
                try socket.bind(Self.endpoint)
                started.signal()
                try serve(socket)
            } catch {
                failure.error.withLock { $0 = error }
                started.signal()
            }
        }
        thread.stackSize = 512 << 10
        thread.start()
        started.wait()
        if let error = failure.error.withLock({ $0 }) { throw error }
    }

    /// Why the thread could not start; shared with it.
    private final class Failure: Sendable {
        let error = Mutex<ZeroMQError?>(nil)
    }

    /// Ends the thread, for tests of what happens then.
    func stop() {
        stopped.store(true, ordering: .relaxed)
    }

    private func serve(_ socket: Socket) throws(ZeroMQError) {
        while !stopped.load(ordering: .relaxed) {
            guard let received = try socket.receive(maxParts: 10, blocking: true) else { continue }
            ring.refreshPeers()
            let parts: [Message] = if case .parts(let parts) = received { parts } else { [] }
            _ = try socket.send(answer(parts), blocking: true)
        }
    }

    /// The six parts of an answer: version, request id, status code, status text, user id, metadata.
    private func answer(_ request: [Message]) -> [Message] {
        func answer(_ code: String, _ text: String, user: String = "") -> [Message] {
            let id = request.count > 1 ? request[1] : Message("")
            return [Message("1.0"), id, Message(code), Message(text), Message(user), Message("")]
        }
        guard request.count >= 6, request[0].text == "1.0" else { return answer("500", "not a ZAP 1.0 request") }
        if request[5].text == Self.probe { return answer("400", "alive") }
        let group = PeerGroup(rawValue: request[2].text ?? "")
        let key = request[5].text == "CURVE" && request.count == 7 ? PublicKey(bytes: request[6].bytes) : nil
        guard let key, ring.allows(key, in: group) else {
            ring.note(KeyRing.Refusal(group: group, address: request[3].text ?? "", key: key))
            return answer("400", "not allowed")
        }
        return answer("200", "OK", user: key.z85)
    }

    // MARK: - Whether it is alive

    /// The mechanism of a request that only asks whether somebody answers.
    private static let probe = "PROBE"

    /// Asks the authenticator of a context whether it is there. Owned by the thread that watches it.
    struct Probe {
        let socket: Socket
        private var unanswered = 0
        private var isWaiting = false

        /// Rounds without an answer after which it counts as dead. Rounds, not time: a process that was stopped for a
        /// minute has missed one.
        private static let patience = 10

        init(in context: ContextHandle) throws(ZeroMQError) {
            // A DEALER, so that an answer that never comes does not lock the socket.
            socket = try Socket(.dealer, borrowing: context, options: SocketOptions())
            try socket.connect(Authenticator.endpoint)
        }

        /// Called about twice a second.
        ///
        /// - Returns: whether it is still taken to be alive.
        mutating func round() throws(ZeroMQError) -> Bool {
            while try socket.receive() != nil {
                isWaiting = false
                unanswered = 0
            }
            if isWaiting { unanswered += 1 }
            if !isWaiting || unanswered.isMultiple(of: 4) {
                let request = ["", "1.0", "probe", "", "", "", Authenticator.probe]
                // Nobody there is no error of sending: it shows in the answer that does not come.
                _ = try socket.send(request.map { Message($0) })
                isWaiting = true
            }
            return unanswered < Self.patience
        }
    }
}
