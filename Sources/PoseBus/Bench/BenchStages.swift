internal import Foundation
internal import Stage
internal import Synchronization

/// CPU time and memory of one process, as the kernel counts them.
struct ProcessUsage: Sendable {
    let name: String
    /// User and system time since its start.
    let cpuSeconds: Double
    let residentKilobytes: Int

    /// Reads `/proc`.
    init(name: String, processID: Int32) {
        self.name = name
        let stat = (try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)) ?? ""
        // The name in parentheses may hold spaces; fields are counted behind it (proc(5): utime is 14, stime is 15).
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = fields.count > 12 ? (Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0) : 0
        cpuSeconds = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        let status = (try? String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)) ?? ""
        residentKilobytes =
            status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            .flatMap { Int($0.dropFirst(6).split(whereSeparator: \.isWhitespace).first ?? "") } ?? 0
    }
}

/// The three stages of a measurement, on free ports of loopback TCP.
final class BenchStages: Sendable {
    struct Endpoints: Sendable {
        let request: String
        let results: String
    }

    private let log: @Sendable (String) -> Void
    private let processes = Mutex<[StageProcess]>([])

    init(log: @escaping @Sendable (String) -> Void) {
        self.log = log
    }

    /// Starts sink, infer and ingest.
    func start(store: String, forwardsFrames: Bool) async throws -> Endpoints {
        let any = "tcp://127.0.0.1:*"
        // Measured as it runs: with its status.
        let common = ["--log-level", "warning", "--status", "127.0.0.1:0"]
        let sink = try await start(
            "posebus-sink",
            ["--store", store, "--bind-outcomes", any, "--bind-results", any, "--bind-acks", any, "--bind-replay", any]
                + common)
        let infer = try await start(
            "posebus-infer",
            ["--engine", "none", "--bind", any, "--sink", sink["outcomes"] ?? ""]
                + (forwardsFrames ? ["--forward-frames"] : []) + common)
        let ingest = try await start(
            "posebus-ingest",
            [
                "--bind-push", any, "--bind-request", any, "--bind-preview", any, "--infer", infer["frames"] ?? "",
                "--acks", sink["acks"] ?? "",
            ] + common)
        return Endpoints(request: ingest["request"] ?? "", results: sink["results"] ?? "")
    }

    /// CPU time and memory of each stage and of this process, which feeds and subscribes.
    func usage() -> [ProcessUsage] {
        processes.withLock { $0 }.map { ProcessUsage(name: $0.name, processID: $0.processID) }
            + [ProcessUsage(name: "feeders", processID: getpid())]
    }

    /// Stops all, the last started first.
    func stop() async {
        for process in processes.withLock({ $0 }).reversed() {
            process.terminate()
            await process.end()
        }
    }

    private func start(_ name: String, _ arguments: [String]) async throws -> Readiness {
        let process = try StageProcess(name, arguments, onLog: log)
        processes.withLock { $0.append(process) }
        return try await process.start()
    }
}
