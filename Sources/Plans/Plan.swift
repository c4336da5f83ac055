internal import CPlans

/// A list of operations over numbered values, prepared once and run many times on the CPU, each run inside one call.
///
/// Images are (batch, height, width, channels). Any batch size may be given to a run.
package final class Plan: @unchecked Sendable {
    // Unchecked: `build` hands out finished plans only, which nobody changes, and each run has memory of its own.

    /// What follows an operation's own result.
    package enum Activation: Sendable {
        /// Nothing.
        case none
        /// max(0, x)
        case relu
        /// min(max(0, x), 6)
        case relu6

        var code: cplans_activation {
            switch self {
            case .none: CPLANS_ACTIVATION_NONE
            case .relu: CPLANS_ACTIVATION_RELU
            case .relu6: CPLANS_ACTIVATION_RELU6
            }
        }
    }

    /// Pixels around an image.
    package struct Margins: Sendable, Hashable {
        /// Rows above.
        package var top = 0
        /// Rows below.
        package var bottom = 0
        /// Columns to the left.
        package var left = 0
        /// Columns to the right.
        package var right = 0

        /// Margins, each 0 unless given.
        package init(top: Int = 0, bottom: Int = 0, left: Int = 0, right: Int = 0) {
            (self.top, self.bottom, self.left, self.right) = (top, bottom, left, right)
        }

        /// Both margins, one around the other.
        package static func + (a: Self, b: Self) -> Self {
            Self(top: a.top + b.top, bottom: a.bottom + b.bottom, left: a.left + b.left, right: a.right + b.right)
        }

        var code: cplans_margins {
            cplans_margins(top: Int64(top), bottom: Int64(bottom), left: Int64(left), right: Int64(right))
        }
    }

    let handle: cplans_plan
    private let outputCount: Int

    private init(owning handle: cplans_plan, outputCount: Int) {
        self.handle = handle
        self.outputCount = outputCount
    }

    deinit {
        cplans_plan_free(handle)
    }

    /// The instruction set that the kernels in use were compiled for, such as `avx512`.
    package static var kernels: String { String(cString: cplans_kernels()) }

    /// Builds a plan over values `0 ..< valueCount`.
    ///
    /// - Parameters:
    ///   - inputs: The values that a run is given.
    ///   - outputs: The values that a run answers with.
    ///   - steps: Adds the steps, each after those whose results it reads.
    /// - Throws: `PlanError` for steps that cannot be, or what `steps` throws.
    package static func build(
        valueCount: Int, inputs: [Int], outputs: [Int], threads: Int, steps: (Plan) throws -> Void
    ) throws -> Plan {
        var handle: cplans_plan?
        try check(
            cplans_plan_create(Int32(clamping: valueCount), Int32(clamping: threads), &handle), "creating a plan")
        guard let handle else { throw PlanError(operation: "creating a plan", message: "there is none") }
        let plan = Plan(owning: handle, outputCount: outputs.count)
        try steps(plan)
        let inputs = inputs.map(Int32.init), outputs = outputs.map(Int32.init)
        try check(
            cplans_plan_finish(handle, inputs, Int32(inputs.count), outputs, Int32(outputs.count)), "finishing a plan")
        return plan
    }

    /// Runs every step.
    ///
    /// - Returns: The outputs.
    /// - Throws: `PlanError` where a step fails, for instance on inputs of another shape than it was built for.
    package func run(_ inputs: [FloatArray]) throws(PlanError) -> [FloatArray] {
        let given: [cplans_array?] = inputs.map(\.handle)
        var results = [cplans_array?](repeating: nil, count: outputCount)
        let status = withExtendedLifetime(inputs) {
            cplans_plan_run(handle, given, Int32(given.count), &results, Int32(outputCount))
        }
        try check(status, "running a plan")
        return results.compactMap { $0.map(FloatArray.init(owning:)) }
    }
}
