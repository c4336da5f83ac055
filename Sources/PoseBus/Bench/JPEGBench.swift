internal import ArgumentParser
internal import Foundation
internal import JPEG
internal import Stage

extension BenchCommand {
    struct JPEG: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "jpeg",
            abstract: "Megapixels a second that are decoded, as infer decodes them, by one thread.",
            discussion: """
                Limits are checked, damage is found, the picture is turned upright and its buffer comes from a pool. libjpeg-turbo's \
                own measurement of the same work: tjbench FILE -rgb -nowrite.
                """)

        @Argument(help: "JPEG files.")
        var files: [String]

        @Option(help: "How long each file is decoded over and over, after half a second that does not count.")
        var seconds = 2.0

        @Option(help: "Divides width and height: 1, 2, 4 or 8.")
        var scale = 1

        @Flag(help: "Print one line of JSON.")
        var json = false

        func validate() throws {
            guard seconds > 0 else { throw ValidationError("--seconds must be positive") }
            guard DecodeScale(rawValue: Int32(clamping: scale)) != nil else {
                throw ValidationError("--scale is 1, 2, 4 or 8, not \(scale)")
            }
        }

        func run() throws {
            var rates: [(name: String, megapixels: Double)] = []
            for file in files {
                do {
                    let jpeg = try Data(contentsOf: URL(fileURLWithPath: file))
                    rates.append((URL(fileURLWithPath: file).lastPathComponent, try rate(of: jpeg)))
                } catch {
                    printError("posebus bench: \(file): \(error)")
                    throw ExitCode.failure
                }
                if let last = rates.last, !json {
                    print("\(last.megapixels.fixed(1).leftPadded(to: 8)) megapixels/s  \(last.name)")
                }
            }
            if json {
                let byName = Dictionary(rates.map { ($0.name, $0.megapixels) }, uniquingKeysWith: { first, _ in first })
                print(String(decoding: try JSONEncoder().encode(["megapixels_per_second": byName]), as: UTF8.self))
            }
        }

        /// Of the picture's full size, whatever the scale.
        private func rate(of jpeg: Data) throws -> Double {
            let scale = DecodeScale(rawValue: Int32(scale)) ?? .full
            let pool = ImageBufferPool()
            let limits = JPEGLimits()
            let size = try jpeg.withUnsafeBytes { try JPEGHeader.check($0, limits: limits) }
            func decode(for seconds: Double) throws -> Double {
                let start = ContinuousClock.now
                var count = 0
                var took = 0.0
                while took < seconds {
                    _ = try jpeg.withUnsafeBytes {
                        try DecodedImage(jpeg: $0, scale: scale, limits: limits, pool: pool)
                    }
                    count += 1
                    took = (.now - start) / .seconds(1)
                }
                return Double(count * size.width * size.height) / took / 1e6
            }
            _ = try decode(for: 0.5)
            return try decode(for: seconds)
        }
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
