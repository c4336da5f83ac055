internal import Foundation

/// What `posebus bench bus` has measured.
struct BusFigures: Encodable {
    struct Process: Encodable {
        let name: String
        /// CPU time a frame.
        let microseconds: Double
        /// The most memory in the first half of the time, and in the second: what grows shows.
        let earlyMegabytes: Double
        let lateMegabytes: Double

        enum CodingKeys: String, CodingKey {
            case name
            case microseconds = "cpu_us_per_frame"
            case earlyMegabytes = "early_mb"
            case lateMegabytes = "late_mb"
        }
    }

    let streams: Int
    let jpegBytes: Int
    let outstanding: Int
    let seconds: Double
    let frames: Int
    let framesPerSecond: Double
    /// Milliseconds from sending a frame to receiving its outcome.
    let p50: Double
    let p99: Double
    let processes: [Process]

    enum CodingKeys: String, CodingKey {
        case streams, outstanding, seconds, frames, processes
        case jpegBytes = "jpeg_bytes"
        case framesPerSecond = "frames_per_second"
        case p50 = "p50_ms"
        case p99 = "p99_ms"
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    var text: String {
        let head = [
            "\(streams) streams, \(jpegBytes.grouped) bytes a JPEG, \(seconds.fixed(1)) s, engine none, store on, "
                + "\(ProcessInfo.processInfo.activeProcessorCount) cores",
            "frames/s          \(framesPerSecond.fixed(0))",
            "latency           p50 \(p50.fixed(1)) ms, p99 \(p99.fixed(1)) ms "
                + "(send to outcome received, at most \(outstanding) frames of each stream under way)",
        ]
        let rows = processes.map { process in
            process.name.padding(toLength: 18, withPad: " ", startingAt: 0)
                + "\(process.microseconds.fixed(0)) µs CPU a frame, memory at most \(process.earlyMegabytes.fixed(0)) MB in the "
                + "first half, \(process.lateMegabytes.fixed(0)) MB in the second"
        }
        return (head + rows).joined(separator: "\n")
    }
}
