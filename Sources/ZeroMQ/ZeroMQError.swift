internal import CZeroMQ
public import Foundation

/// A failed call of libzmq: what was being done, to what, and libzmq's own reason.
public struct ZeroMQError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
    /// An error number of libzmq or of the system. Open: libzmq may report numbers that have no name here.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number as `zmq_errno` gives it.
        public let rawValue: Int32

        /// Wraps a number of `zmq_errno`.
        public init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        /// The context was shut down: the clean end of every loop that owns a socket.
        public static let terminated = Code(rawValue: posebus_zmq_eterm)
        /// Another process has the port or the ipc file.
        public static let addressInUse = Code(rawValue: EADDRINUSE)
        /// The address does not belong to this machine.
        public static let addressNotAvailable = Code(rawValue: EADDRNOTAVAIL)
        /// The call would have blocked.
        public static let wouldBlock = Code(rawValue: EAGAIN)
        /// The peer a ROUTER was told to send to is not connected.
        public static let hostUnreachable = Code(rawValue: EHOSTUNREACH)
        /// An argument libzmq does not accept, usually a malformed endpoint.
        public static let invalidArgument = Code(rawValue: EINVAL)
        /// A transport libzmq does not know.
        public static let protocolNotSupported = Code(rawValue: EPROTONOSUPPORT)
        /// No file descriptors are left.
        public static let tooManyOpenFiles = Code(rawValue: EMFILE)

        // Beyond the numbers of libzmq (from 156384712 on): what this module refuses by itself.

        /// Strangers could connect, and nobody said that they may.
        public static let unprotected = Code(rawValue: 300_000_001)
        /// There are keys, but it was not said whose are accepted, or expected, here.
        public static let peersUnknown = Code(rawValue: 300_000_002)
        /// A stranger that the self-test sent was not turned away, or a security option did not take.
        public static let strangersAdmitted = Code(rawValue: 300_000_003)
        /// The peer does not let this key in.
        public static let keyRefused = Code(rawValue: 300_000_004)
    }

    /// What went wrong.
    public let code: Code
    /// What was being done, such as `bind`.
    public let operation: String
    /// What it was being done to, such as an endpoint or an option.
    public let subject: String?

    /// Describes a failed call. Read `zmq_errno` before anything else runs and pass it here.
    package init(code: Code, operation: String, subject: String? = nil) {
        self.code = code
        self.operation = operation
        self.subject = subject
    }

    /// The failed call, its reason and, where one is known, the way out.
    public var description: String {
        let what = subject.map { "\(operation) \($0)" } ?? operation
        return "\(what): \(reason)"
    }

    public var errorDescription: String? { description }

    private var reason: String {
        switch code {
        case .addressInUse:
            "the address is in use. Stop the process that has it, or choose another endpoint"
        case .addressNotAvailable:
            "the address does not belong to this machine. Bind to one that does, or to tcp://127.0.0.1:PORT"
        case .invalidArgument:
            "not a valid endpoint or value. Endpoints look like tcp://127.0.0.1:5550 or ipc:///run/posebus/ingest"
        case .protocolNotSupported:
            "an unknown transport. Use tcp://HOST:PORT or ipc://PATH"
        case .tooManyOpenFiles:
            "no file descriptors are left. Raise the limit (ulimit -n) or close other connections"
        case .terminated:
            "the context was shut down"
        case .unprotected:
            """
            whoever reaches this address could connect. Give the stage keys (--keys, see docs/security.md), bind to \
            tcp://127.0.0.1:PORT or ipc://PATH, or say --anyone-may-connect
            """
        case .peersUnknown:
            "there are keys, but none of the peers that belong here"
        case .keyRefused:
            "this key is not let in there. Its .cert file belongs in the other side's folder of keys (docs/security.md)"
        case .strangersAdmitted:
            "the self-test of the keys failed: a stranger was not turned away. Do not use this libzmq with keys"
        default:
            String(cString: zmq_strerror(code.rawValue))
        }
    }
}

/// Calls libzmq, retries when a signal interrupted the call and throws on any other failure.
@inline(__always)
func check(_ operation: String, _ subject: @autoclosure () -> String? = nil, _ call: () -> Int32) throws(ZeroMQError)
    -> Int32
{
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = ZeroMQError.Code(rawValue: zmq_errno())
        if code.rawValue == EINTR { continue }
        throw ZeroMQError(code: code, operation: operation, subject: subject())
    }
}

/// Like `check`, with "would block" as a value: nil.
@inline(__always)
func checkUnlessBlocking(_ operation: String, _ call: () -> Int32) throws(ZeroMQError) -> Int32? {
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = ZeroMQError.Code(rawValue: zmq_errno())
        if code.rawValue == EINTR { continue }
        if code == .wouldBlock { return nil }
        throw ZeroMQError(code: code, operation: operation)
    }
}
