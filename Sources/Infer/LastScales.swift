internal import JPEG
internal import Messages
internal import Synchronization

/// At which size the engine looked at each session's last frame: the decoding threads take it for what it wants next.
final class LastScales: Sendable {
    private let scales = Mutex<[SessionID: DecodeScale]>([:])

    /// The size of a session's last frame; full size before it had one.
    subscript(session: SessionID) -> DecodeScale { scales.withLock { $0[session] ?? .full } }

    /// Notes at which size a frame was looked at; nil where it was not.
    func note(_ scale: DecodeScale?, of session: SessionID) {
        guard let scale else { return }
        scales.withLock { $0[session] = scale }
    }

    /// Forgets a session that has ended.
    func forget(_ session: SessionID) {
        scales.withLock { $0[session] = nil }
    }
}
