package import Tensor

/// What a track remembers of a person's poses, and when it is to be continued.
package struct PoseHistory: Sendable {
    /// Oldest first, 229 numbers each (`PoseVector`).
    package var poses: [[Float]]
    /// The frame of each; never falling. Of poses of one frame the last counts: a new track repeats its first pose.
    package var frames: [Int]
    /// How many frames ago the last was (PHALP's `time_since_update`): 0 asks for the frame after it.
    package var framesSince: Int

    /// All of it, stated.
    package init(poses: [[Float]], frames: [Int], framesSince: Int) {
        (self.poses, self.frames, self.framesSince) = (poses, frames, framesSince)
    }
}

/// A history laid out in the transformer's window.
package struct PoseWindow: Equatable {
    /// The window's frames that have a pose, rising.
    package let frames: [Int]
    /// Their poses.
    package let poses: [[Float]]
    /// The frame that is asked for.
    package let asked: Int

    /// The first pose is at the window's beginning; what would be behind its end is at its end, the last pose on top.
    ///
    /// - Throws: `TorchError` for a history that cannot be.
    package init(_ history: PoseHistory, length: Int) throws(TorchError) {
        func refused(_ reason: String) -> TorchError {
            TorchError(operation: "continuing a person's poses", message: reason)
        }
        guard let first = history.frames.first, let latest = history.frames.last,
            history.frames.count == history.poses.count
        else { throw refused("there are \(history.poses.count) poses of \(history.frames.count) frames") }
        guard history.poses.allSatisfy({ $0.count == PoseVector.count }) else {
            throw refused("a pose has not \(PoseVector.count) numbers")
        }
        guard zip(history.frames, history.frames.dropFirst()).allSatisfy({ $0 <= $1 }), history.framesSince >= 0 else {
            throw refused("its frames \(history.frames) are not in order, or the time since then is negative")
        }
        var byFrame: [Int: [Float]] = [:]
        for (frame, pose) in zip(history.frames, history.poses) { byFrame[min(frame - first, length - 1)] = pose }
        frames = byFrame.keys.sorted()
        poses = frames.compactMap { byFrame[$0] }
        asked = min(min(latest - first, length - 1) + history.framesSince + 1, length - 1)
    }
}
