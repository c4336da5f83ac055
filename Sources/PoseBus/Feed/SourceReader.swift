internal import Dispatch
internal import FrameSources
internal import ZeroMQ

/// Reads a source on a thread of its own, a little ahead of whoever takes its frames, who is so free for other work while
/// the source is silent.
final class SourceReader: Sendable {
    enum Item: Sendable {
        /// After the first frame: how many there will be, where that is known.
        case began(frameCount: Int?)
        case frame(SourceFrame)
        /// The source has no more; what went wrong without ending it.
        case ended(warning: String?)
        case failed(any Error)
    }

    private let items = Mailbox<Item>()
    private let room = DispatchSemaphore(value: 0)

    /// Frames that are read before they are taken: one to work on, one in hand.
    private static let ahead = 2

    init() {
        for _ in 1..<Self.ahead { room.signal() }
    }

    /// Readable while items wait.
    var fileDescriptor: Int32 { items.fileDescriptor }

    /// What was read since the last call, in order.
    func drain() -> [Item] { items.drain() }

    /// Makes room for another frame.
    func taken() {
        room.signal()
    }

    /// Lets `read` end once its source is stopped: nobody takes frames any more.
    func close() {
        for _ in 0..<Self.ahead { room.signal() }
    }

    /// Reads a source to its end, or until it is stopped.
    func read(_ spec: FrameSourceSpec, stop: SourceStop) {
        do {
            let source = try spec.open(stop: stop)
            var hasBegun = false
            while !stop.isStopped, let frame = try source.next() {
                items.post(.frame(frame))
                if !hasBegun { items.post(.began(frameCount: source.frameCount)) }
                hasBegun = true
                room.wait()
            }
            items.post(.ended(warning: source.warning))
        } catch {
            items.post(.failed(error))
        }
    }
}
