internal import Foundation
internal import Logging
internal import Messages
internal import Synchronization

/// Standard error, where a stage says what happens to it.
enum LogOutput {
    private static let isJSON = Atomic<Bool>(false)
    private static let lock = Mutex(())

    static func setFormat(_ format: LogFormat) {
        isJSON.store(format == .json, ordering: .relaxed)
    }

    /// Writes a line at one go, so that the lines of several threads, and of several processes on one pipe, stay whole.
    static func write(_ line: [UInt8]) {
        lock.withLock { _ in
            var rest = line[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
                // What cannot be written is lost: a stage does not stop for its log.
                guard written > 0 || errno == EINTR else { return }
                rest = rest.dropFirst(max(0, written))
            }
        }
    }

    /// Says why a program ends, in the form that its log has.
    static func report(failure: String, of program: String) {
        guard isJSON.load(ordering: .relaxed) else {
            return write(Array("\(program): \(failure)\n".utf8))
        }
        LogTally.add(.critical)
        write(LogLine(time: .now, level: .critical, label: program, message: failure, metadata: [:]).json)
    }
}
