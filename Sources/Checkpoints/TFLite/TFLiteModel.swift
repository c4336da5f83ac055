public import Foundation

/// A TensorFlow Lite file: one graph of operators over tensors. Only reading; nothing runs here.
///
/// The schema, version 3: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
public struct TFLiteModel: Sendable {
    /// The file's path, or what it was called, for messages.
    public let name: String
    /// What the converter wrote about itself.
    public let summary: String
    /// The graph's tensors; everything else refers to them by index.
    public let tensors: [TFLiteTensor]
    /// The operators in the order they run in.
    public let operators: [TFLiteOperator]
    /// The tensors that a caller provides.
    public let inputs: [Int]
    /// The tensors that a caller wants.
    public let outputs: [Int]

    /// Maps a file and reads everything but the weights themselves, which stay in the file until they are asked for.
    ///
    /// - Throws: `CheckpointError` where the file cannot be read, is damaged, or uses what is not supported.
    public init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(MappedFile(contentsOf: url))
    }

    /// Reads a model that is already mapped.
    ///
    /// - Throws: `CheckpointError` where it is damaged or uses what is not supported.
    public init(_ file: MappedFile) throws(CheckpointError) {
        let buffer = FlatBuffer(file: file)
        let root = try buffer.root(identifier: "TFL3")
        let version = try root.integer(0, default: UInt32(0))
        guard version == 3 else {
            throw CheckpointError(file: file.name, .unsupported, "schema version \(version) is not supported, only 3")
        }
        let graphs = try root.tables(2, limit: 64, "graphs")
        guard graphs.count == 1, let graph = graphs.first else {
            throw CheckpointError(
                file: file.name, .unsupported, "it holds \(graphs.count) graphs; only files with one are supported")
        }
        name = file.name
        summary = try root.text(3) ?? ""
        let buffers = try root.tables(4, limit: Self.limit, "buffers")
        var budget = Budget(file: file)
        var tensors: [TFLiteTensor] = []
        for (index, table) in try graph.tables(0, limit: Self.limit, "tensors").enumerated() {
            tensors.append(try TFLiteTensor(index: index, table, buffers: buffers))
            try budget.spend(tensors[index].sparsity)
        }
        let codes = try root.tables(1, limit: Self.limit, "operator codes")
        var kinds: [TFLiteOperator.Kind] = []
        for code in codes { kinds.append(try TFLiteOperator.Kind(code)) }
        var operators: [TFLiteOperator] = []
        for (index, table) in try graph.tables(3, limit: Self.limit, "operators").enumerated() {
            operators.append(try TFLiteOperator(index: index, table, kinds: kinds, tensorCount: tensors.count))
            try budget.spend(operators[index].inputs.count + operators[index].outputs.count)
        }
        inputs = try graph.integers(1, of: Int32.self, limit: 256, "graph inputs") ?? []
        outputs = try graph.integers(2, of: Int32.self, limit: 256, "graph outputs") ?? []
        for tensor in inputs + outputs where !tensors.indices.contains(tensor) {
            throw buffer.error("the graph's inputs or outputs name tensor \(tensor), which does not exist")
        }
        self.tensors = tensors
        self.operators = operators
    }

    /// More of anything than this is no model that a person would run here.
    private static let limit = 65_536
}

/// Tables may refer to one long vector many times, so that a small file unfolds into a large one. An honest file has a
/// byte or more for everything that is read from it; this counts what was read against that.
private struct Budget {
    let file: MappedFile
    private var left: Int

    init(file: MappedFile) {
        self.file = file
        left = file.count
    }

    mutating func spend(_ sparsity: TFLiteSparsity?) throws(CheckpointError) {
        for level in sparsity?.levels ?? [] {
            if case .sparse(let segments, let indices) = level { try spend(segments.count + indices.count) }
        }
    }

    mutating func spend(_ count: Int) throws(CheckpointError) {
        left -= count
        guard left >= 0 else {
            throw CheckpointError(
                file: file.name, .malformed, "its parts refer to each other more often than is possible")
        }
    }
}
