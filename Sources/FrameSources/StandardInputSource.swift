internal import Foundation
internal import JPEG

/// MJPEG from a descriptor, standard input usually: JPEGs end to end, with or without multipart headers between them.
/// Damaged and truncated images are handed on, so that they are counted where they are refused.
package final class StandardInputSource: FrameSource {
    package var frameCount: Int? { nil }

    private let descriptor: Int32
    private let stop: SourceStop
    private var splitter: JPEGSplitter
    private var index = 0
    private var isAtEnd = false

    /// - Parameter descriptor: borrowed; it is never closed here.
    package init(descriptor: Int32 = 0, frameBytes: Int = JPEGLimits().bytes, stop: SourceStop) {
        self.descriptor = descriptor
        self.stop = stop
        splitter = JPEGSplitter(frameBytes: frameBytes)
    }

    package func next() throws -> SourceFrame? {
        while !stop.isStopped {
            let next = isAtEnd ? splitter.finish() : try nextJPEG()
            if let next {
                defer { index += 1 }
                return SourceFrame(jpeg: next, index: index, captureTimeNs: unixTimeNs())
            }
            if isAtEnd {
                guard index > 0 else {
                    throw FrameSourceError(
                        "standard input held no JPEG in \(splitter.skippedBytes) bytes; it has to be MJPEG, "
                            + "for instance from: ffmpeg -i VIDEO -c:v mjpeg -q:v 2 -f image2pipe -")
                }
                return nil
            }
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, SourceStop.checkIntervalMs) > 0 else { continue }
            let chunk = try readChunk(descriptor, capacity: 1 << 18, name: "standard input")
            isAtEnd = chunk.isEmpty
            splitter.append(chunk)
        }
        return nil
    }

    private func nextJPEG() throws(FrameSourceError) -> [UInt8]? {
        do {
            return try splitter.next()
        } catch {
            throw FrameSourceError("standard input, frame \(index): \(error.detail)")
        }
    }
}
