/// One frame as a source gives it.
package struct SourceFrame: Sendable {
    /// A whole JPEG file. Sources hand on what they read: it may be damaged, and whoever accepts it has to check it.
    package var jpeg: [UInt8]
    /// Counts from 0 within the source.
    package var index: Int
    /// Unix time in nanoseconds. Cameras: when the frame was read. Videos: when reading began plus the frame's place
    /// in the video.
    package var captureTimeNs: Int64
    /// Who is in the frame, where the source knows, as `test:` does.
    package var known: KnownFrame?
    /// Who is known to be in the frame.
    package var persons: [KnownPerson] { known?.persons ?? [] }

    package init(jpeg: [UInt8], index: Int, captureTimeNs: Int64, known: KnownFrame? = nil) {
        self.jpeg = jpeg
        self.index = index
        self.captureTimeNs = captureTimeNs
        self.known = known
    }
}

/// Where frames come from, one after the other, at the pace of whoever asks.
///
/// `next()` blocks on files, pipes and cameras: call it on a thread of its own, never on Swift's cooperative threads.
/// Not Sendable: one thread owns a source for its life.
package protocol FrameSource: AnyObject {
    /// How many frames there will be, where that is known or can be estimated: for progress only. Of a video it is best asked after
    /// the first frame: the answer takes longer.
    var frameCount: Int? { get }

    /// The next frame, or nil at the end or once stopped.
    ///
    /// - Throws: `FrameSourceError`, after every good frame has been given.
    func next() throws -> SourceFrame?

    /// What went wrong without costing a frame, once the source has ended.
    var warning: String? { get }
}

extension FrameSource {
    package var warning: String? { nil }
}

/// Says what could not be read, why, and what to do about it.
package struct FrameSourceError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
