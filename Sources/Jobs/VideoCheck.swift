internal import Foundation
internal import FrameSources

/// Looks whether files are videos, before they become jobs.
package final class VideoCheck: Sendable {
    private let queue = OperationQueue()

    /// - Parameter atOnce: how many are looked at at the same time; ffprobe reads little of each.
    package init(atOnce: Int = 4) {
        queue.name = "video-check"
        queue.maxConcurrentOperationCount = atOnce
    }

    /// Asks ffprobe.
    ///
    /// - Parameter name: the file's, for people; its path is not told.
    /// - Throws: `JobError`, saying why it is no video.
    package func check(_ path: String, name: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            queue.addOperation {
                continuation.resume(
                    with: Result {
                        do {
                            try FrameSourceSpec.untrustedVideo(path: path).checkVideo()
                        } catch {
                            throw JobError("\(error)".replacingOccurrences(of: path, with: name))
                        }
                    })
            }
        }
    }
}
