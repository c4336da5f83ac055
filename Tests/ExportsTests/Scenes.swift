import Exports
import Foundation
import Messages

/// A recording in memory.
struct MemoryRecording: Recording {
    var stream: StreamName
    var session = SessionID()
    var outcomes: [Outcome] = []
    var jpegs: [UInt64: [UInt8]] = [:]

    init(_ stream: String, outcomes: [Outcome] = []) throws {
        self.stream = try StreamName(stream)
        self.outcomes = outcomes
    }

    func forEachOutcome(_ body: (Outcome) throws -> Void) throws { try outcomes.forEach(body) }

    func jpeg(of sequence: SequenceNumber) throws -> [UInt8]? { jpegs[sequence.value] }
}

/// A folder that goes away with it.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "exports-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appending(path: name) }

    /// The files in it, or in a folder of it.
    func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: url.appending(path: folder).path).sorted()
    }
}
