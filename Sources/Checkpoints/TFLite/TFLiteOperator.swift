/// One operator of a TFLite graph.
public struct TFLiteOperator: Sendable {
    /// Which operator it is.
    public struct Kind: Hashable, Sendable, CustomStringConvertible {
        /// The schema's number of a built-in operator.
        public let code: Int
        /// The name of an operator that is not built in.
        public let customName: String?

        /// A built-in operator.
        public init(code: Int) {
            self.code = code
            customName = nil
        }

        init(_ table: FlatTable) throws(CheckpointError) {
            // Old files have the number in a byte only, new ones in both; the larger is the right one.
            let old = Int(try table.integer(0, default: Int8(0))), new = Int(try table.integer(3, default: Int32(0)))
            code = max(old, new)
            customName = try table.text(1, limit: 128)
        }

        /// Element-wise sum.
        public static let add = Self(code: 0)
        /// Concatenation along an axis.
        public static let concatenation = Self(code: 2)
        /// Convolution over all channels.
        public static let conv2D = Self(code: 3)
        /// Convolution of each channel by itself.
        public static let depthwiseConv2D = Self(code: 4)
        /// Blocks of channels moved into space.
        public static let depthToSpace = Self(code: 5)
        /// Constants of a narrower type made float32.
        public static let dequantize = Self(code: 6)
        /// 1 / (1 + exp(-x)).
        public static let logistic = Self(code: 14)
        /// Maximum over windows.
        public static let maxPool2D = Self(code: 17)
        /// Another shape.
        public static let reshape = Self(code: 22)
        /// Bilinear interpolation.
        public static let resizeBilinear = Self(code: 23)
        /// Zeros around.
        public static let pad = Self(code: 34)
        /// Sparse constants made dense.
        public static let densify = Self(code: 124)

        /// The schema's name, or its number.
        public var description: String {
            if let customName { return "custom operator \"\(customName)\"" }
            switch self {
            case .add: return "ADD"
            case .concatenation: return "CONCATENATION"
            case .conv2D: return "CONV_2D"
            case .depthwiseConv2D: return "DEPTHWISE_CONV_2D"
            case .depthToSpace: return "DEPTH_TO_SPACE"
            case .dequantize: return "DEQUANTIZE"
            case .logistic: return "LOGISTIC"
            case .maxPool2D: return "MAX_POOL_2D"
            case .reshape: return "RESHAPE"
            case .resizeBilinear: return "RESIZE_BILINEAR"
            case .pad: return "PAD"
            case .densify: return "DENSIFY"
            default: return "operator \(code)"
            }
        }
    }

    /// Its place in the graph.
    public let index: Int
    /// Which operator it is.
    public let kind: Kind
    /// The tensors it reads; nil where an optional one is left out.
    public let inputs: [Int?]
    /// The tensors it computes.
    public let outputs: [Int]
    /// How it works.
    public let options: Options

    init(index: Int, _ table: FlatTable, kinds: [Kind], tensorCount: Int) throws(CheckpointError) {
        let buffer = table.buffer
        self.index = index
        let code = Int(try table.integer(0, default: UInt32(0)))
        guard kinds.indices.contains(code) else {
            throw buffer.error("operator \(index) is of kind \(code) and the file lists \(kinds.count) kinds")
        }
        kind = kinds[code]
        let label = "operator \(index) (\(kind))"
        let inputs = try table.integers(1, of: Int32.self, limit: 1024, "inputs of \(label)") ?? []
        outputs = try table.integers(2, of: Int32.self, limit: 1024, "outputs of \(label)") ?? []
        for tensor in inputs.filter({ $0 != -1 }) + outputs where !(0..<tensorCount).contains(tensor) {
            throw buffer.error("\(label) names tensor \(tensor), which does not exist")
        }
        self.inputs = inputs.map { $0 == -1 ? nil : $0 }
        options = try Options(
            kind, type: try table.integer(3, default: UInt8(0)), try table.table(4), label: label,
            file: buffer.file.name)
    }
}
