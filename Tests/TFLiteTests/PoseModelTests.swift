import Checkpoints
import Foundation
import Plans
import TFLite
import Testing

/// The two real models, where POSEBUS_MODELS names a folder that has them.
private let models = ProcessInfo.processInfo.environment["POSEBUS_MODELS"].map { URL(fileURLWithPath: $0) }
/// Answers on real pictures, where POSEBUS_CROPS names a folder that `make_fixtures.py --crops` wrote.
private let crops = ProcessInfo.processInfo.environment["POSEBUS_CROPS"].map { URL(fileURLWithPath: $0) }

@Suite("The pose models", .enabled(if: models != nil, "POSEBUS_MODELS names no folder with the two TFLite files"))
struct PoseModelTests {
    static let names = ["pose_detection", "pose_landmark_full"]

    private func executor(_ name: String) throws -> GraphExecutor {
        try GraphExecutor(
            try TFLiteModel(contentsOf: try #require(models).appending(path: "\(name).tflite")), threads: 2)
    }

    @Test("On a drawn image, every output is Google's to a thousandth of its range", arguments: names)
    func drawn(_ name: String) throws {
        let executor = try executor(name)
        let size = executor.inputShapes[0][1]
        let outputs = try executor.run([try FloatArray(drawnImage(size), shape: [1, size, size, 3])])
        var golden = try floats(fixtures.appending(path: "\(name).golden"))[...]
        for (output, outputName) in zip(outputs, executor.outputNames) {
            let range = golden.removeFirst().distance(to: golden.removeFirst())
            let step = (output.count + 999) / 1000
            let found = output.floats()
            let kept = stride(from: 0, to: found.count, by: step).map { found[$0] }
            let difference = difference(kept, Array(golden.prefix(kept.count)), range: range)
            golden = golden.dropFirst(kept.count)
            #expect(difference < 1e-3, "\(outputName) differs by \(difference) of its range")
        }
        #expect(golden.isEmpty)
    }

    @Test("On real pictures too", .enabled(if: crops != nil), arguments: names)
    func real(_ name: String) throws {
        let executor = try executor(name)
        let files = try FileManager.default.contentsOfDirectory(
            at: try #require(crops), includingPropertiesForKeys: nil
        )
        .filter { $0.lastPathComponent.hasPrefix(name) }
        var greatest = [String: Float]()
        for file in files {
            var values = try floats(file)[...]
            let sample = Sample(&values, of: executor)
            let outputs = try executor.run([try FloatArray(sample.inputs[0], shape: executor.inputShapes[0])])
            for (index, output) in outputs.enumerated() {
                let difference = difference(output.floats(), sample.outputs[index])
                let label = executor.outputNames[index]
                greatest[label] = max(greatest[label] ?? 0, difference)
                #expect(
                    difference < 1e-3, "\(label) of \(file.lastPathComponent) differs by \(difference) of its range")
            }
        }
        #expect(!files.isEmpty)
        print(name, "on", files.count, "crops:", greatest.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
    }
}

/// Something like a person before a gradient: the same as `drawn_image` of `make_fixtures.py`.
func drawnImage(_ size: Int) -> [Float] {
    var values: [Float] = []
    for y in 0..<size {
        for x in 0..<size {
            let v = y * 256 / size, u = x * 256 / size
            var pixel = [v * 3 / 4, 40 + u / 2, (u + v) / 3]
            if (u - 128) * (u - 128) + (v - 60) * (v - 60) < 22 * 22 {
                pixel = [210, 170 - v / 4, 140]
            } else if abs(u - 128) < 30, v >= 84, v < 160 {
                pixel = [180 - (u - 98), 30 + v / 4, 50]
            } else if abs(v - 96) < 8, abs(u - 128) < 80 {
                pixel = [205, 165, 135 + u / 16]
            } else if v >= 160, v < 240, abs(u - 110) < 12 || abs(u - 146) < 12 {
                pixel = [30, 40 + v / 8, 120]
            }
            values += pixel.map { Float($0) / 255 }
        }
    }
    return values
}
