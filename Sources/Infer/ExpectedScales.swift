internal import JPEG
internal import Messages
internal import Synchronization

/// At which size the engine will probably look at each session's next frame: the one of its last, for the decoding threads.
final class ExpectedScales: Sendable {
    private struct State {
        var first: @Sendable (Int, Int) -> DecodeScale = { _, _ in .full }
        var last: [SessionID: DecodeScale] = [:]
    }

    private let state = Mutex(State())

    /// Says at which size a session's first frame is looked at, by width and height.
    func begin(with first: @escaping @Sendable (_ width: Int, _ height: Int) -> DecodeScale) {
        state.withLock { $0.first = first }
    }

    /// The size for a picture of a session.
    func scale(of picture: FramePicture, in session: SessionID) -> DecodeScale {
        state.withLock { $0.last[session] ?? $0.first(picture.width, picture.height) }
    }

    /// Notes at which size a frame was looked at; nil where it was not.
    func note(_ scale: DecodeScale?, of session: SessionID) {
        guard let scale else { return }
        state.withLock { $0.last[session] = scale }
    }

    /// Forgets a session that has ended.
    func forget(_ session: SessionID) {
        state.withLock { $0.last[session] = nil }
    }
}
