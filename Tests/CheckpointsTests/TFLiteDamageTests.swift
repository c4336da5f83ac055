import Checkpoints
import Foundation
import Testing

/// Damaged files may be read or refused, but never crash: every offset in them is somebody else's.
@Suite("Damaged TFLite files")
struct TFLiteDamageTests {
    static let names = ["convolutions", "padding", "resizing", "shapes", "sparse"]

    /// Reads everything that can be read.
    private func readAll(_ bytes: [UInt8]) {
        guard let model = try? TFLiteModel(MappedFile(copying: bytes, name: "damaged")) else { return }
        for tensor in model.tensors where tensor.data != nil {
            _ = try? tensor.floats()
            _ = try? tensor.integers()
        }
    }

    @Test("Cut off anywhere, a file is refused or still whole", arguments: names)
    func truncation(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: fixtures.appending(path: "\(name).tflite")))
        for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 400)) {
            readAll(Array(bytes.prefix(length)))
        }
        #expect(throws: CheckpointError.self) {
            try TFLiteModel(MappedFile(copying: bytes.prefix(bytes.count / 2), name: "half"))
        }
    }

    @Test("Any byte may be anything", arguments: names)
    func flips(_ name: String) throws {
        let whole = [UInt8](try Data(contentsOf: fixtures.appending(path: "\(name).tflite")))
        var random = SplitMix(state: 7)
        for _ in 0..<1500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                // Most of a file is weights; what can be misread is towards its ends.
                let near = min(2048, bytes.count)
                var place = Int.random(in: 0..<near, using: &random)
                if Bool.random(using: &random) { place = bytes.count - 1 - place }
                bytes[place] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)].randomElement(
                    using: &random)!
            }
            readAll(bytes)
        }
    }

    @Test("Levels that do not fit the shape or each other are refused before anything is allocated for them")
    func inconsistentLevels() {
        func refused(_ shape: [Int], _ traversal: [Int], _ blocks: [Int], _ levels: [TFLiteSparsity.Level]) -> Bool {
            let sparsity = TFLiteSparsity(traversal: traversal, blocks: blocks, levels: levels)
            return (try? sparsity.densified([UInt32](repeating: 1, count: 2), shape: shape)) == nil
        }
        let rows = TFLiteSparsity.Level.dense(size: 2)
        #expect(!refused([2, 4], [0, 1], [], [rows, .sparse(segments: [0, 1, 2], indices: [3, 0])]))
        #expect(refused([2, 4], [0, 1], [], [rows, .dense(size: 1 << 40)]))
        #expect(refused([2, 4], [0, 1], [], [rows, .sparse(segments: [0, 1, 2], indices: [4, 0])]))
        #expect(refused([2, 4], [0, 1], [], [rows, .sparse(segments: [0, 1, 2], indices: [-1, 0])]))
        #expect(refused([2, 4], [0, 1], [], [rows, .sparse(segments: [0, 3, 2], indices: [1, 0])]))
        #expect(refused([2, 4], [0, 1], [], [rows, .sparse(segments: [0, 2], indices: [1, 0])]))
        #expect(refused([2, 4], [0, 1], [], [rows]))
        #expect(refused([2, 4], [0, 0], [], [rows, rows]))
        #expect(refused([2, 4], [0, 7], [], [rows, rows]))
        #expect(refused([2, 4], [0, 1, 2], [5], [rows, rows, rows]))
        #expect(refused([2, 4], [0, 1, 2], [1], [rows, rows, .dense(size: 3)]))
        #expect(refused([2, 4], [0, 1, 2], [1], [rows, rows, .dense(size: 0)]))
    }
}

/// A small seeded generator, so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
