import Checkpoints
import Foundation
import Plans
import TFLite

/// The folder of TFLite fixtures; `make_fixtures.py` in it says how they came about.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/tflite").standardizedFileURL

/// A file of little-endian float32 values.
func floats(_ url: URL) throws -> [Float] {
    let data = try Data(contentsOf: url)
    return (0..<(data.count / 4)).map { index in
        Float(
            bitPattern: UInt32(
                littleEndian: data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self) }))
    }
}

/// Inputs and Google's answers, as a golden file has them.
struct Sample {
    let inputs: [[Float]]
    let outputs: [[Float]]

    /// Takes one sample from the front of `values`.
    init(_ values: inout ArraySlice<Float>, of executor: GraphExecutor) {
        func take(_ shape: [Int]) -> [Float] {
            let count = shape.reduce(1, *)
            defer { values = values.dropFirst(count) }
            return Array(values.prefix(count))
        }
        inputs = executor.inputShapes.map(take)
        outputs = executor.outputShapes.map(take)
    }
}

/// The greatest difference, as a part of the range of what was expected; infinite where counts differ or one is no
/// number.
func difference(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count, let low = expected.min(), let high = expected.max() else { return .infinity }
    return difference(found, expected, range: high - low)
}

func difference(_ found: [Float], _ expected: [Float], range: Float) -> Float {
    guard found.count == expected.count else { return .infinity }
    var greatest: Float = 0
    for (a, b) in zip(found, expected) {
        guard a.isFinite else { return .infinity }
        greatest = max(greatest, abs(a - b))
    }
    return greatest / max(range, 1e-3)
}
