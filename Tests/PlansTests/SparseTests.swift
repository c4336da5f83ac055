import Plans
import Testing

/// Pointwise convolutions with pruned weights have kernels of their own.
@Suite("Sparse weights")
struct SparseTests {
    /// Weights of which those that `isKept` leaves out are zeros.
    private static func weights(_ count: Int, isKept: (Int) -> Bool) -> [Float] {
        (0..<count).map { index in
            guard isKept(index) else { return 0 }
            return Float((index * 31) % 13 - 6) / 16
        }
    }

    /// Depths of one block and of several, whole vectors of pixels and channels and parts of them, several tiles of pixels.
    @Test(
        "Weights that are mostly zeros give what all of them would, to the bit",
        arguments: [(24, 200), (48, 120), (300, 100), (200, 63)], [(7, 7), (5, 3), (31, 29)])
    func sparse(_ channels: (Int, Int), _ size: (Int, Int)) throws {
        let (depth, columns) = channels
        let values = Self.weights(depth * columns) { ($0 * 73) % 11 < 2 }
        // The middle of a window of three by three pixels whose other weights are zeros: not pointwise, so not sparse.
        var window = [Float](repeating: 0, count: 9 * values.count)
        for (index, value) in values.enumerated() {
            window[(index / depth * 9 + 4) * depth + index % depth] = value
        }
        let biases = (0..<columns).map { (index: Int) -> Float in Float(index % 5) / 7 }
        let bias = try FloatArray(biases, shape: [columns])
        func plan(_ weight: FloatArray, _ margin: Int, _ threads: Int) throws -> Plan {
            try Plan.build(valueCount: 4, inputs: [0, 1], outputs: [2, 3], threads: threads) { plan in
                for (addend, output) in [(nil, 2), (1, 3)] {
                    try plan.convolution(
                        0, plus: addend, to: output, weight: weight, bias: bias,
                        Plan.Convolution(
                            stride: (1, 1), dilation: (1, 1), groups: 1,
                            margins: Plan.Margins(top: margin, bottom: margin, left: margin, right: margin),
                            activation: addend == nil ? .none : .relu6))
                }
            }
        }
        func picture(_ channels: Int) throws -> FloatArray {
            let shape = [2, size.0, size.1, channels]
            let values = (0..<shape.reduce(1, *)).map { (index: Int) -> Float in Float((index * 37) % 101) / 8 - 6 }
            return try FloatArray(values, shape: shape)
        }
        let inputs = [try picture(depth), try picture(columns)]
        let expected = try plan(try FloatArray(window, shape: [columns, 3, 3, depth]), 1, 1).run(inputs)
        for threads in [1, 3] {
            let sparse = try plan(try FloatArray(values, shape: [columns, 1, 1, depth]), 0, threads)
            for _ in 0..<2 { #expect(try sparse.run(inputs).map { $0.floats() } == expected.map { $0.floats() }) }
        }
    }

    @Test("Row by row they give the same")
    func rows() throws {
        func weight(_ shape: [Int], sparse: Bool) throws -> FloatArray {
            try FloatArray(Self.weights(shape.reduce(1, *)) { !sparse || $0 % 5 == 0 }, shape: shape)
        }
        func plan(_ threads: Int) throws -> Plan {
            try Plan.build(valueCount: 4, inputs: [0], outputs: [3], threads: threads) { plan in
                func add(_ input: Int, _ output: Int, _ weight: FloatArray, _ groups: Int, _ margin: Int) throws {
                    try plan.convolution(
                        input, to: output, weight: weight, bias: nil,
                        Plan.Convolution(
                            stride: (1, 1), dilation: (1, 1), groups: groups,
                            margins: Plan.Margins(top: margin, bottom: margin, left: margin, right: margin),
                            activation: .relu6))
                }
                try add(0, 1, try weight([240, 1, 1, 40], sparse: true), 1, 0)
                try add(1, 2, try weight([240, 3, 3, 1], sparse: false), 240, 1)
                try add(2, 3, try weight([40, 1, 1, 240], sparse: true), 1, 0)
            }
        }
        let shape = [1, 28, 21, 40]
        let values = (0..<shape.reduce(1, *)).map { (index: Int) -> Float in Float((index * 37) % 11) / 8 }
        let input = try FloatArray(values, shape: shape)
        #expect(try plan(1).run([input])[0].floats() == plan(2).run([input])[0].floats())
    }
}
