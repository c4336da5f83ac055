package import Bodies
package import Foundation
package import Messages

/// One session, as it is stored here or somewhere else. It can be walked more than once.
package protocol Recording {
    /// The session's stream.
    var stream: StreamName { get }
    /// The session.
    var session: SessionID { get }

    /// Calls `body` with every outcome, in order. What `body` throws ends the walk and is thrown on.
    func forEachOutcome(_ body: (Outcome) throws -> Void) throws

    /// The JPEG of a frame; nil where it was not kept.
    func jpeg(of sequence: SequenceNumber) throws -> [UInt8]?
}

/// What may be chosen in an export.
package struct ExportOptions {
    /// Loads the body model; nil where no SMPL files are installed. Called once, and only by formats that need it.
    package var body: (() throws -> BodyModel)?
    /// Where the camera stood; nil: results are in the camera's frame.
    package var cameraPose: CameraPose?
    /// Of the camera, in pixels: gives persons of engines without a camera model a place in front of it.
    package var focalLength: Double?
    /// Frames per second of what has a fixed rate; nil: as the capture times say.
    package var frameRate: Double?
    /// The original video, for frames that were not kept.
    package var video: URL?
    /// Only this person; nil: all.
    package var track: UInt32?

    /// The defaults, or what is given.
    package init(
        body: (() throws -> BodyModel)? = nil, cameraPose: CameraPose? = nil, focalLength: Double? = nil,
        frameRate: Double? = nil, video: URL? = nil, track: UInt32? = nil
    ) {
        self.body = body
        self.cameraPose = cameraPose
        self.focalLength = focalLength
        self.frameRate = frameRate
        self.video = video
        self.track = track
    }
}

/// What was written.
package struct ExportSummary: Sendable {
    /// The files; a folder of many counts them all.
    package var files = 0
    /// The outcomes that were looked at.
    package var outcomes = 0
    /// What one should know about the result, one sentence each.
    package var notes: [String] = []
}

/// Why an export cannot be made, and what to do about it.
package struct ExportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure it is, for a program to tell apart.
    package enum Kind: Sendable {
        /// What was asked for does not fit together.
        case badRequest
        /// The recordings, or the machine, lack what the format needs.
        case unavailable
        /// Reading or writing failed.
        case inputOutput
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
