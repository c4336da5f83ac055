import Foundation
import Testing
import Weights

/// Archives are made by `tar` itself where it can make them, and by hand where it refuses to.
struct TarArchiveTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tar-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("out"), withIntermediateDirectories: true)
    }

    private var out: URL { folder.appendingPathComponent("out") }

    private func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    /// One member and the end of the archive, gzipped.
    private func archive(name: String, type: Character = "0", size: String = "5", content: String = "hello") throws
        -> URL
    {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ place: Int) {
            for (index, byte) in text.utf8.enumerated() { header[place + index] = byte }
        }
        put(name, 0)
        put(String(repeating: "0", count: max(0, 11 - size.count)) + size, 124)
        put("        ", 148)
        header[156] = type.asciiValue ?? 0
        put("ustar\u{0}00", 257)
        put(String(header.reduce(0) { $0 + Int($1) }, radix: 8) + "\u{0}", 148)
        var bytes = Data(header) + Data(content.utf8)
        bytes += Data(repeating: 0, count: (512 - bytes.count % 512) % 512 + 1024)
        let plain = folder.appendingPathComponent("made.tar")
        try bytes.write(to: plain)
        try run("gzip", ["-kf", plain.path])
        return folder.appendingPathComponent("made.tar.gz")
    }

    @Test(arguments: ["ustar", "gnu", "pax"])
    func unpacksWhatTarPacks(format: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let long = String(repeating: "a", count: 90)
        let names = ["top.txt", "data/deep/empty", "data/\(long)/\(format == "ustar" ? "b" : long + long)"]
        let source = folder.appendingPathComponent("in")
        var contents: [String: Data] = [:]
        for (index, name) in names.enumerated() {
            let file = source.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            contents[name] = Data(
                (0..<(index == 1 ? 0 : 3_000_001)).map { UInt8(truncatingIfNeeded: $0 &* 31 + index) })
            try contents[name]?.write(to: file)
        }
        let packed = folder.appendingPathComponent("packed.tar.gz")
        try run("tar", ["--format", format, "-czf", packed.path, "-C", source.path, "."])
        var parts: [Double] = []
        let files = try TarArchive(packed).unpack(into: out) { parts.append($0) }
        #expect(Set(files) == Set(names))
        for name in names { #expect(try Data(contentsOf: out.appendingPathComponent(name)) == contents[name]) }
    }

    @Test(arguments: ["../evil", "/tmp/posebus-evil", "data/../../evil", "data/.."])
    func refusesPathsThatLeadOut(name: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let packed = try archive(name: name)
        #expect(throws: WeightError.self) { try TarArchive(packed).unpack(into: out) }
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("evil").path))
        #expect(!FileManager.default.fileExists(atPath: "/tmp/posebus-evil"))
    }

    @Test(arguments: ["1", "2", "3", "4", "6"] as [Character])
    func refusesLinksAndDevices(type: Character) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let packed = try archive(name: "link", type: type, size: "0", content: "")
        let error = #expect(throws: WeightError.self) { try TarArchive(packed).unpack(into: out) }
        #expect(error?.description.contains("link") == true)
    }

    @Test func refusesMoreThanTheLimits() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        // 8 GB of which nothing is there.
        let huge = try archive(name: "huge", size: "100000000000")
        #expect(throws: WeightError.self) { try TarArchive(huge).unpack(into: out) }
        var limits = TarArchive.Limits()
        limits.bytes = 4
        let small = try archive(name: "small")
        #expect(throws: WeightError.self) { try TarArchive(small, limits: limits).unpack(into: out) }
        limits.bytes = 5
        #expect(try TarArchive(small, limits: limits).unpack(into: out) == ["small"])
        limits.entries = 0
        #expect(throws: WeightError.self) { try TarArchive(small, limits: limits).unpack(into: out) }
    }

    @Test func refusesEveryTruncationAndAnAlteredByte() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let packed = try archive(name: "file")
        let bytes = try Data(contentsOf: packed)
        let broken = folder.appendingPathComponent("broken.tar.gz")
        for length in 0..<bytes.count {
            try bytes.prefix(length).write(to: broken)
            try? FileManager.default.removeItem(at: out.appendingPathComponent("file"))
            #expect(throws: WeightError.self, "cut to \(length) bytes") { try TarArchive(broken).unpack(into: out) }
        }
        // The checksum at the end.
        var altered = bytes
        altered[altered.count - 8] ^= 1
        try altered.write(to: broken)
        try? FileManager.default.removeItem(at: out.appendingPathComponent("file"))
        #expect(throws: WeightError.self) { try TarArchive(broken).unpack(into: out) }
    }
}
