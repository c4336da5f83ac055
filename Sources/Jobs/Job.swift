internal import Foundation
package import Messages

/// A video that is, or was, fed to the bus on somebody's behalf.
package struct Job: Sendable, Equatable {
    /// How far a job is.
    package enum Status: String, Sendable, CaseIterable {
        /// Waits for those before it.
        case queued
        /// Is being fed, or waits for the outcomes of what was fed.
        case processing
        /// Every frame of the video has its outcome.
        case completed
        /// It cannot be completed; `error` says why.
        case failed
        /// Somebody did not want it any more.
        case cancelled

        /// Whether nothing more happens.
        package var isOver: Bool { self != .queued && self != .processing }
    }

    /// What names the job: a lower-case UUID.
    package let id: String
    /// The stream that the frames are fed as.
    package internal(set) var stream: StreamName
    /// The session that holds the outcomes, once one of them has come.
    package internal(set) var session: SessionID?
    /// The video's name, for people: no path.
    package let source: String
    /// Where the video lies.
    package let path: String
    /// Whether the video was uploaded, so that its file is deleted once the job is over.
    package let isUpload: Bool
    /// How far it is.
    package internal(set) var status: Status = .queued
    /// How often it was begun: more than once where the gateway or ingest ended in between.
    package internal(set) var attempts = 0
    /// How many jobs come before it; nil once it was begun. 0: it is the next.
    package internal(set) var queuePosition: Int?
    /// Frames that have their outcome.
    package internal(set) var frames = 0
    /// Frames that the video has, where that is known before.
    package internal(set) var total: Int?
    /// When it was asked for.
    package let queuedAt: Timestamp
    /// When it was last begun.
    package internal(set) var startedAt: Timestamp?
    /// When it was over.
    package internal(set) var completedAt: Timestamp?
    /// Why it failed: what happened to what, and why.
    package internal(set) var error: String?

    /// A job that nobody has begun.
    ///
    /// - Parameters:
    ///   - path: of a file that can be read for as long as the job is not over.
    ///   - source: the name for people; nil: the file's own.
    ///   - stream: nil makes a name of the source's that no other stream has.
    package init(
        path: String, source: String? = nil, stream: StreamName? = nil, isUpload: Bool = false, at now: Timestamp = .now
    ) {
        let uuid = UUID().uuidString.lowercased()
        id = uuid
        self.path = path
        let name = Self.displayName(source ?? (path as NSString).lastPathComponent)
        self.source = name
        self.stream = stream ?? StreamName(ofVideo: name, suffix: String(uuid.prefix(6)))
        self.isUpload = isUpload
        queuedAt = now
    }

    /// The job is over.
    package mutating func finish(_ status: Status, error: String? = nil, at now: Timestamp = .now) {
        self.status = status
        self.error = error
        completedAt = now
        queuePosition = nil
    }

    init(
        id: String, stream: StreamName, session: SessionID?, source: String, path: String, isUpload: Bool,
        queuedAt: Timestamp
    ) {
        self.id = id
        self.stream = stream
        self.session = session
        self.source = source
        self.path = path
        self.isUpload = isUpload
        self.queuedAt = queuedAt
    }

    /// A name without folders and control characters, of a length that fits a line.
    private static func displayName(_ text: String) -> String {
        let name = (text as NSString).lastPathComponent.unicodeScalars
            .filter { $0.properties.generalCategory != .control }
        let kept = String(String.UnicodeScalarView(name.prefix(120)))
        return kept.isEmpty ? "video" : kept
    }
}

extension StreamName {
    /// A stream's name made from a video's file name: without extension and with a suffix that makes it unique.
    init(ofVideo name: String, suffix: String) {
        var stem = (name as NSString).deletingPathExtension
        if stem.allSatisfy({ $0 == "." }) { stem = "video" }
        var kept = stem.unicodeScalars.map { scalar in
            // What a shell or a search pattern would take apart.
            scalar == "/" || scalar == "*" || scalar == "?" || scalar.properties.generalCategory == .control
                ? "_" : String(scalar)
        }.joined()
        while kept.utf8.count > Self.maxLength - 1 - suffix.utf8.count - Self.roomForAttempt { kept.removeLast() }
        // Whatever remains keeps the rules; the fallback is for the compiler alone.
        self = (try? StreamName("\(kept)-\(suffix)")) ?? Self.unnamed
    }

    /// The name for another attempt at the same video.
    func forAttempt(_ number: Int) -> StreamName {
        var base = description
        if number > 2, let dot = base.lastIndex(of: ".") { base = String(base[..<dot]) }
        while base.utf8.count > Self.maxLength - Self.roomForAttempt { base.removeLast() }
        return (try? StreamName("\(base).\(number)")) ?? self
    }

    private static let roomForAttempt = 8
    private static let unnamed = StreamName(ofVideo: "video", suffix: "0")
}
