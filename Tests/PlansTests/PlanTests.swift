import Plans
import Testing

@Suite("Plans")
struct PlanTests {
    @Test("A value read before it is computed is refused, and so is an output that never is")
    func order() throws {
        let unknown = #expect(throws: PlanError.self) {
            try Plan.build(valueCount: 3, inputs: [0], outputs: [2], threads: 1) { plan in
                try plan.sum(0, 1, to: 2, .none)
            }
        }
        #expect(unknown?.message.contains("reads value 1 before it is computed") == true)
        let missing = #expect(throws: PlanError.self) {
            try Plan.build(valueCount: 3, inputs: [0], outputs: [1], threads: 1) { _ in }
        }
        #expect(missing?.message.contains("output 1 is never computed") == true)
        #expect(throws: PlanError.self) {
            try Plan.build(valueCount: 1, inputs: [0], outputs: [0], threads: 0) { _ in }
        }
        #expect(throws: PlanError.self) {
            try Plan.build(valueCount: 1, inputs: [0], outputs: [0], threads: 1) { plan in
                try plan.logistic(0, to: 5)
            }
        }
    }

    @Test("Answers keep their elements while later runs reuse memory")
    func answersAreKept() throws {
        let plan = try Plan.build(valueCount: 3, inputs: [0], outputs: [2], threads: 1) { plan in
            try plan.sum(0, 0, to: 1, .none)
            try plan.sum(1, 1, to: 2, .relu6)
        }
        let first = try plan.run([try FloatArray([0.5, -1, 1, 9], shape: [1, 2, 2, 1])])
        let second = try plan.run([try FloatArray([0.25, 0, 0, 0], shape: [1, 2, 2, 1])])
        #expect(first[0].floats() == [2, 0, 4, 6])
        #expect(second[0].floats() == [1, 0, 0, 0])
    }

    @Test("The caller's input is never written to")
    func inputsAreKept() throws {
        let plan = try Plan.build(valueCount: 2, inputs: [0], outputs: [1], threads: 1) { plan in
            try plan.sum(0, 0, to: 1, .relu)
        }
        let input = try FloatArray([-1, 1], shape: [1, 1, 1, 2])
        for _ in 0..<3 { _ = try plan.run([input]) }
        #expect(input.floats() == [-1, 1])
    }

    @Test("A step that fails says which, and the plan still works")
    func failure() throws {
        let plan = try Plan.build(valueCount: 3, inputs: [0, 1], outputs: [2], threads: 1) { plan in
            try plan.sum(0, 1, to: 2, .none)
        }
        let a = try FloatArray([1, 2], shape: [1, 1, 1, 2]),
            b = try FloatArray([1, 2, 3], shape: [1, 1, 1, 3])
        let error = #expect(throws: PlanError.self) { try plan.run([a, b]) }
        #expect(error?.message.contains("sum of value 2") == true)
        #expect(try plan.run([a, a])[0].floats() == [2, 4])
        #expect(throws: PlanError.self) { try plan.run([a]) }
    }

    /// Depth-wise and dense, with and without windows, strides, zeros around the image, and something added.
    @Test("Convolutions that follow on one another are the same row by row", arguments: [(72, 9), (8, 7)])
    func rows(_ height: Int, _ width: Int) throws {
        func weight(_ shape: [Int]) throws -> FloatArray {
            try FloatArray((0..<shape.reduce(1, *)).map { Float(($0 * 31) % 13 - 6) / 16 }, shape: shape)
        }
        func options(
            _ stride: Int, _ groups: Int, _ margins: Plan.Margins = Plan.Margins(), _ activation: Plan.Activation
        ) -> Plan.Convolution {
            Plan.Convolution(
                stride: (stride, stride), dilation: (1, 1), groups: groups, margins: margins, activation: activation)
        }
        let around = Plan.Margins(top: 1, bottom: 1, left: 1, right: 1)
        func plan(_ threads: Int) throws -> Plan {
            try Plan.build(valueCount: 9, inputs: [0], outputs: [7, 8], threads: threads) { plan in
                // (72, 9) makes images that are computed row by row, (8, 7) others that are not.
                try plan.convolution(
                    0, to: 1, weight: try weight([320, 3, 3, 3]), bias: try weight([320]), options(1, 1, around, .relu))
                try plan.convolution(
                    1, to: 2, weight: try weight([320, 3, 3, 1]), bias: try weight([320]),
                    options(1, 320, around, .relu6))
                try plan.convolution(
                    2, to: 3, weight: try weight([40, 1, 1, 320]), bias: nil, options(1, 1, Plan.Margins(), .none))
                try plan.convolution(
                    3, to: 4, weight: try weight([328, 1, 1, 40]), bias: nil, options(1, 1, Plan.Margins(), .relu))
                try plan.convolution(
                    4, to: 5, weight: try weight([328, 5, 5, 1]), bias: nil,
                    options(2, 328, Plan.Margins(top: 1, bottom: 2, left: 1, right: 2), .none))
                try plan.convolution(
                    3, to: 6, weight: try weight([8, 3, 3, 40]), bias: nil,
                    options(2, 1, Plan.Margins(top: 0, bottom: 1, left: 0, right: 1), .none))
                try plan.convolution(
                    5, plus: 6, to: 7, weight: try weight([8, 1, 1, 328]), bias: try weight([8]),
                    options(1, 1, Plan.Margins(), .relu))
                try plan.convolution(
                    3, to: 8, weight: try weight([48, 1, 1, 40]), bias: nil, options(1, 1, Plan.Margins(), .none))
            }
        }
        let count = 2 * height * width * 3
        let input = try FloatArray((0..<count).map { Float(($0 * 37) % 11) / 8 }, shape: [2, height, width, 3])
        let apart = try plan(2).run([input]).map { $0.floats() }
        let rowByRow = try plan(1)
        for _ in 0..<2 {
            #expect(try rowByRow.run([input]).map { $0.floats() } == apart)
        }
    }

    @Test("Threads share the work without losing or repeating any, over many runs", arguments: [1, 2, 3, 8])
    func threads(_ count: Int) throws {
        let size = 96, channels = 24
        let weight = try FloatArray(
            (0..<(channels * 9)).map { Float($0 % 7) - 3 }, shape: [channels, 3, 3, 1])
        func plan(_ threads: Int) throws -> Plan {
            try Plan.build(valueCount: 3, inputs: [0], outputs: [2], threads: threads) { plan in
                try plan.convolution(
                    0, to: 1, weight: weight, bias: nil,
                    Plan.Convolution(
                        stride: (1, 1), dilation: (1, 1), groups: channels,
                        margins: Plan.Margins(top: 1, bottom: 1, left: 1, right: 1), activation: .none))
                try plan.sum(0, 1, to: 2, .relu)
            }
        }
        let values = (0..<(size * size * channels)).map { Float(($0 * 37) % 11) }
        let input = try FloatArray(values, shape: [1, size, size, channels])
        let expected = try plan(1).run([input])[0].floats()
        let shared = try plan(count)
        for _ in 0..<50 { #expect(try shared.run([input])[0].floats() == expected) }
    }
}
