internal import Foundation

extension MetricsRegistry {
    /// Adds what the kernel counts of this process, by the names that Prometheus' own clients give it.
    public func addProcessMetrics() {
        onScrape { text in
            let process = ProcessFigures()
            text.gauge(
                "process_resident_memory_bytes", "Memory of this process that is in RAM.",
                [(labels: [], value: process.residentBytes)])
            text.counter(
                "process_cpu_seconds_total", "Time that processors worked for this process, user and system.",
                [(labels: [], value: process.cpuSeconds)])
            text.gauge("process_open_fds", "Open file descriptors.", [(labels: [], value: process.openDescriptors)])
            text.gauge(
                "process_start_time_seconds", "When this process began, in seconds since 1970.",
                [(labels: [], value: process.startTime)])
        }
    }
}

/// What /proc says of this process.
///
/// Source: proc(5). Fields of `stat` are counted behind the name in parentheses, which may hold spaces: utime is 14, stime 15,
/// starttime 22, rss 24.
struct ProcessFigures {
    let residentBytes, cpuSeconds, openDescriptors, startTime: Double

    init() {
        let stat = (try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8)) ?? ""
        let fields = stat.split(separator: ")").last?.split(separator: " ").map { Double($0) ?? 0 } ?? []
        func field(_ number: Int) -> Double { fields.count > number - 3 ? fields[number - 3] : 0 }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        cpuSeconds = (field(14) + field(15)) / ticks
        residentBytes = field(24) * Double(sysconf(Int32(_SC_PAGESIZE)))
        // Without the one through which they are counted.
        openDescriptors = Double(
            max(0, ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 1) - 1))
        startTime = Self.bootTime + field(22) / ticks
    }

    /// When the machine began, in seconds since 1970.
    private static let bootTime: Double = {
        let stat = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let line = stat.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Double($0.dropFirst(6)) } ?? 0
    }()
}
