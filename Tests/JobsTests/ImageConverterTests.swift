import Foundation
import FrameSources
import JPEG
import Jobs
import Testing

/// Whether ffmpeg can be started; what needs it is skipped without it.
let hasFFmpeg = (try? run("ffmpeg", ["-version"])) != nil

@discardableResult
func run(_ name: String, _ arguments: [String]) throws -> [UInt8] {
    let child = try ChildProcess(name, arguments)
    var output: [UInt8] = []
    while case let chunk = try child.read(stop: nil), !chunk.isEmpty { output += chunk }
    guard child.wait() == 0 else { throw FrameSourceError("\(name) failed\(child.errorSuffix)") }
    return output
}

@Suite(
    "Pictures in other formats become JPEGs", .enabled(if: hasFFmpeg, "ffmpeg is not installed: apt-get install ffmpeg")
)
struct ImageConverterTests {
    let folder: TemporaryFolder
    let converter: ImageConverter

    init() throws {
        folder = try TemporaryFolder()
        converter = ImageConverter(folder: folder.url)
    }

    private func picture(_ name: String, _ options: String...) throws -> Data {
        try run(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=1", "-frames:v", "1", "-update", "1"]
                + options
                + ["-y", folder.path(name)])
        return try Data(contentsOf: folder.url.appending(path: name))
    }

    private func message(_ picture: Data) async -> String? {
        do {
            _ = try await converter.jpeg(of: picture)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("Each format, and nothing of it stays behind", arguments: ["png", "bmp", "tiff", "gif", "ppm", "pgm"])
    func formats(kind: String) async throws {
        let jpeg = try await converter.jpeg(of: picture("a.\(kind)"))
        let header = try JPEGHeader.check([UInt8](jpeg))
        #expect((header.width, header.height) == (64, 48))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["a.\(kind)"])
    }

    @Test("Colours stay what they were")
    func colours() async throws {
        try run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "color=c=0xC81428:size=16x16", "-frames:v", "1", "-pix_fmt", "rgba",
                "-update",
            ]
                + ["1", "-y", folder.path("red.png")])
        let jpeg = try await converter.jpeg(of: Data(contentsOf: folder.url.appending(path: "red.png")))
        let image = try DecodedImage.decode([UInt8](jpeg))
        let middle = image.withUnsafeBytes { bytes in (0..<3).map { Int(bytes[(8 * 16 + 8) * 3 + $0]) } }
        for (found, wanted) in zip(middle, [200, 20, 40]) { #expect(abs(found - wanted) <= 3, "\(middle)") }
    }

    @Test("JPEGs are handed on bit for bit, whatever is in them")
    func jpeg() async throws {
        let bytes = Data([0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3])
        #expect(try await converter.jpeg(of: bytes) == bytes)
    }

    @Test("What is no picture is refused with a reason that names no path of this machine")
    func refused() async throws {
        let png = try picture("a.png")
        let cases: [(Data, String)] = [
            (Data(), "no picture of a known format"), (Data("hello".utf8), "no picture of a known format"),
            (Data("#EXTM3U\nfile:///etc/passwd\n".utf8), "no picture of a known format"),
            (Data("ffconcat version 1.0\nfile /etc/passwd\n".utf8), "no picture of a known format"),
            (Data("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8), "no picture of a known format"),
            (png.prefix(60), "no PNG that can be read"), (png.prefix(8) + Data(count: 5000), "no PNG that can be read"),
            (Data("BM".utf8) + Data(count: 100), "no BMP that can be read"),
        ]
        for (bytes, wanted) in cases {
            let message = try #require(await message(bytes))
            #expect(message.contains(wanted))
            #expect(!message.contains(folder.url.path))
        }
    }

    @Test("A picture that claims to be enormous is refused before it is decoded")
    func enormous() async throws {
        var png = try picture("a.png")
        // Width and height are at 16 and 20; the check sum behind them is what ffmpeg does not insist on.
        png.replaceSubrange(16..<24, with: [0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF])
        let message = try #require(await message(png))
        #expect(message.contains("no PNG that can be read"))
    }

    @Test("Many at once all come back")
    func many() async throws {
        let png = try picture("a.png")
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<12 { group.addTask { try await converter.jpeg(of: png).count } }
            return try await group.reduce(0) { $0 + ($1 > 100 ? 1 : 0) }
        }
        #expect(count == 12)
    }
}
